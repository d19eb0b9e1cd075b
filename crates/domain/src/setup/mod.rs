//! The first start: a token that makes the first administrator, once.

use crate::store_error::StoreResult;
use crate::time::Timestamp;

/// How far the first start has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SetupState {
    /// The SHA-256 digest of the setup token, once one was made.
    pub token_digest: Option<[u8; 32]>,
    /// When the first administrator was made.
    pub completed_at: Option<Timestamp>,
}

/// Whether there is a first administrator yet.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait SetupRepository {
    /// How far it has come.
    fn state(&mut self) -> StoreResult<SetupState>;

    /// Keeps the digest of a setup token if there is none yet and setup is not completed. Of all calls at once exactly one
    /// MUST answer `true`.
    fn offer_token(&mut self, digest: &[u8; 32]) -> StoreResult<bool>;

    /// Keeps the digest of a setup token in the place of any other. Answers `false` when setup is completed.
    fn replace_token(&mut self, digest: &[u8; 32]) -> StoreResult<bool>;

    /// Closes setup, whether or not a token was offered, and forgets the token. Of all calls, exactly one MUST answer
    /// `true`.
    fn complete(&mut self, now: Timestamp) -> StoreResult<bool>;
}
