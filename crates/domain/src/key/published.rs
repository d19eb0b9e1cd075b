//! The port of the published key set.

use core::time::Duration;
use std::sync::Arc;

/// The public keys with which other services verify access tokens.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait PublishedKeys: Send + Sync {
    /// The key set as a JSON document (RFC 7517, section 5).
    fn key_set(&self) -> Arc<str>;

    /// How long a client may cache the document. MUST be less than the time for which a new key is published before it
    /// signs its first token.
    fn cache_life(&self) -> Duration;
}
