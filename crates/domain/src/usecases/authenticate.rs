//! Knowing whom an access token speaks for.

use crate::access::Principal;
use crate::ports::{AccessTokenVerifier, TokenRejected};
use crate::time::Timestamp;

/// Finds out whom an access token speaks for. Touches no store: this is done at every request.
pub struct Authenticate<'a> {
    /// Verifies access tokens.
    pub verifier: &'a dyn AccessTokenVerifier,
}

/// Why the token speaks for nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticateError {
    /// It is not a valid access token of ours.
    #[error(transparent)]
    InvalidToken(#[from] TokenRejected),
}

impl Authenticate<'_> {
    /// The principal of the token.
    pub fn execute(&self, token: &str, now: Timestamp) -> Result<Principal, AuthenticateError> {
        Ok(Principal::new(self.verifier.verify(token, now)?))
    }
}
