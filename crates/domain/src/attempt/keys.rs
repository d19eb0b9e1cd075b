//! The port that names accounts and networks in the tables of attempts.

use crate::account::CanonicalEmail;

use super::{AttemptKey, ClientNetwork};

/// Names accounts, and the networks of their owners, in the tables of attempts and known networks.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait AttemptKeys: Send + Sync {
    /// A keyed hash of the address, under a key that is not in the store: the table of attempts must not be a list of
    /// addresses. Equal addresses have equal keys, on every instance.
    fn attempt_key(&self, email: &CanonicalEmail) -> AttemptKey;

    /// The same of the address together with a network: it tells neither of the two, nor that two accounts are used from
    /// one network. MUST differ from every [`attempt_key`](Self::attempt_key).
    fn network_key(&self, email: &CanonicalEmail, network: &ClientNetwork) -> AttemptKey;
}
