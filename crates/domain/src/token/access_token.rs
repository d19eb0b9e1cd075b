//! Access tokens, and the ports that sign and verify them.

use secrecy::{ExposeSecret, SecretString};

use crate::time::Timestamp;

use super::AccessClaims;

/// A signed access token in compact form (RFC 7515), for an `Authorization: Bearer` header (RFC 6750).
#[derive(Debug, Clone)]
pub struct AccessToken(SecretString);

impl AccessToken {
    /// Wraps a signed token.
    pub fn new(token: String) -> Self {
        Self(SecretString::from(token))
    }

    /// The token itself, for the client it was issued to.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Signing failed. Input from clients never causes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("signing failed: {0}")]
pub struct SigningError(pub String);

/// The token is not a valid access token of this service. The reason is for the log; a client learns only that the token
/// is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the access token is not valid: {reason}")]
pub struct TokenRejected {
    /// The reason. Contains no part of the token.
    pub reason: &'static str,
}

/// Signs access tokens.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait AccessTokenSigner: Send + Sync {
    /// Signs the claims, adding issuer, audience and client. The key is the one that is current when the token is issued.
    fn sign(&self, claims: &AccessClaims) -> Result<AccessToken, SigningError>;
}

/// Verifies access tokens.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait AccessTokenVerifier: Send + Sync {
    /// The claims of a token, if it is valid at `now`.
    ///
    /// MUST check everything: algorithm and key by `kid` from a ring of known keys only, `typ`, `iss`, `aud`, `exp`,
    /// `iat`, `nbf`, and that every claim is present with the right type. MUST NOT access the network.
    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenRejected>;
}
