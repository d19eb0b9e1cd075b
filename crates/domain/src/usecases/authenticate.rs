//! Knowing whom an access token speaks for.

use crate::access::Principal;
use crate::ports::{AccessTokenVerifier, RevocationCheck, Standing, TokenRejected};
use crate::time::Timestamp;

/// Finds out whom an access token speaks for. Touches no store: this is done at every request.
pub struct Authenticate<'a> {
    /// Verifies access tokens.
    pub verifier: &'a dyn AccessTokenVerifier,
    /// Knows what was revoked.
    pub revocations: &'a dyn RevocationCheck,
}

/// Why the token speaks for nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticateError {
    /// It is not a valid access token of ours.
    #[error(transparent)]
    InvalidToken(#[from] TokenRejected),
    /// Its session has ended, or its user has changed since it was issued.
    #[error("the access token was revoked")]
    Revoked,
    /// It cannot be known at present whether it was revoked.
    #[error("the revocations of late are not known")]
    RevocationsUnknown,
}

impl Authenticate<'_> {
    /// The principal of the token.
    pub fn execute(&self, token: &str, now: Timestamp) -> Result<Principal, AuthenticateError> {
        let claims = self.verifier.verify(token, now)?;
        match self.revocations.standing(&claims) {
            Standing::Good => Ok(Principal::new(claims)),
            Standing::Revoked => Err(AuthenticateError::Revoked),
            Standing::Unknown => Err(AuthenticateError::RevocationsUnknown),
        }
    }
}
