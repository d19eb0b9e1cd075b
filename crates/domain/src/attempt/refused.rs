//! The port that counts refused attempts.

use crate::time::Timestamp;

use super::AttemptKey;

/// Keeps account of guesses that were refused, so that the audit log tells of a storm of them in few entries.
///
/// A refusal costs no hash, so nothing else would keep whoever guesses on from filling the log and taking up the store.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait RefusedAttempts: Send + Sync {
    /// Notes a refusal on the record of that key. Answers how many there were since an entry was last written about it,
    /// this one included, if one is to be written now: MUST be so for the first.
    fn note(&self, key: &AttemptKey, now: Timestamp) -> Option<u64>;
}
