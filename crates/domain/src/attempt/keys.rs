//! The port that derives the keys of attempt records and known networks.

use crate::account::CanonicalEmail;

use super::{AttemptKey, ClientNetwork};

/// Derives the keys under which attempts and known networks are stored.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait AttemptKeys: Send + Sync {
    /// A keyed hash of the address, under a key that is not in the store, so that the table of attempts is not a list of
    /// addresses. Equal addresses MUST have equal keys on every instance.
    fn attempt_key(&self, email: &CanonicalEmail) -> AttemptKey;

    /// A keyed hash of the address together with a network. It reveals neither of the two, nor that two accounts are used
    /// from one network. MUST differ from every [`attempt_key`](Self::attempt_key).
    fn network_key(&self, email: &CanonicalEmail, network: &ClientNetwork) -> AttemptKey;
}
