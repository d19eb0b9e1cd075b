//! The port that counts refused attempts for the audit log.

use crate::time::Timestamp;

use super::AttemptKey;

/// Counts refused attempts, so that the audit log summarises many of them in few entries.
///
/// A refusal costs no hash: without a summary, an attacker could fill the log and overload the store.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait RefusedAttempts: Send + Sync {
    /// Counts a refusal under that key. If an audit event is to be written now, returns the number of refusals since the
    /// last one was written, this one included; otherwise `None`. MUST return a number for the first refusal.
    fn note(&self, key: &AttemptKey, now: Timestamp) -> Option<u64>;

    /// Takes back a [`note`](Self::note) that returned `noted`, and whose event was not written. The refusals before it are
    /// counted again, this one too if the attempt `is_refused`, and the next event is due at once.
    fn take_back(&self, key: &AttemptKey, noted: Option<u64>, is_refused: bool);
}
