//! The public keys, for others.

use core::time::Duration;
use std::sync::Arc;

/// The public keys that others verify our access tokens with.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait PublishedKeys: Send + Sync {
    /// The key set as a JSON document (RFC 7517, section 5).
    fn key_set(&self) -> Arc<str>;

    /// How long others may use the document without asking again. MUST be less than the time for which a new key is
    /// published before a token is signed with it.
    fn cache_life(&self) -> Duration;
}
