//! Tokens as clients hold them. They do not print.

use secrecy::{ExposeSecret, SecretString};

use crate::id::SessionId;

use super::Generation;

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

/// A sealed refresh token, opaque to its holder.
#[derive(Debug, Clone)]
pub struct RefreshToken(SecretString);

impl RefreshToken {
    /// Wraps a sealed token.
    pub fn new(token: String) -> Self {
        Self(SecretString::from(token))
    }

    /// The token itself, for the client it was issued to.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// What a refresh token of the right *shape* claims to be. It proves nothing until its tag has been checked against
/// the session's key: see [`RefreshTokens::is_authentic`](crate::ports::RefreshTokens::is_authentic).
#[derive(Clone, Copy)]
pub struct PresentedRefreshToken {
    /// The session it claims to belong to.
    pub session_id: SessionId,
    /// The generation it claims to be.
    pub generation: Generation,
    /// The proof of both.
    pub tag: [u8; 32],
}

impl core::fmt::Debug for PresentedRefreshToken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PresentedRefreshToken")
            .field("session_id", &self.session_id)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}
