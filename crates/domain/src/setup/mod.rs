//! First-time setup: a one-time token creates the first administrator.

use crate::store_error::StoreResult;
use crate::time::Timestamp;

/// The progress of the first-time setup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SetupState {
    /// The SHA-256 digest of the setup token, once one was issued.
    pub token_digest: Option<[u8; 32]>,
    /// Whether the setup token comes from the configuration.
    pub token_is_configured: bool,
    /// When the first administrator was created; `None` while setup is open.
    pub completed_at: Option<Timestamp>,
}

/// Stored progress of the setup.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait SetupRepository {
    /// The current progress.
    fn state(&mut self) -> StoreResult<SetupState>;

    /// Stores the digest of a setup token if there is none yet and setup is not completed. Of all concurrent calls exactly
    /// one MUST return `true`.
    fn offer_token(&mut self, digest: &[u8; 32]) -> StoreResult<bool>;

    /// Stores the digest of a setup token, replacing any other, and whether it comes from the configuration. Returns `false`
    /// when setup is completed.
    fn replace_token(&mut self, digest: &[u8; 32], is_configured: bool) -> StoreResult<bool>;

    /// Deletes the setup token if it comes from the configuration. Returns whether it did.
    fn withdraw_configured_token(&mut self) -> StoreResult<bool>;

    /// Completes setup, whether or not a token was issued, and deletes the token. Of all calls, exactly one MUST return
    /// `true`.
    fn complete(&mut self, now: Timestamp) -> StoreResult<bool>;
}
