//! Refresh tokens, and the port that seals and opens them.

use secrecy::{ExposeSecret, SecretString};

use crate::id::SessionId;

use super::{Generation, Session};

/// A sealed refresh token, opaque to clients.
#[derive(Debug, Clone)]
pub struct RefreshToken(SecretString);

impl RefreshToken {
    /// Wraps a sealed token. Not validated.
    pub fn new(token: String) -> Self {
        Self(SecretString::from(token))
    }

    /// The token itself, for the client it was issued to.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// The claims of a well-formed refresh token. They are unproven until the tag has been checked against the session's key:
/// see [`RefreshTokens::is_authentic`](crate::session::RefreshTokens::is_authentic).
#[derive(Clone, Copy)]
pub struct PresentedRefreshToken {
    /// The session that the token claims to belong to.
    pub session_id: SessionId,
    /// The generation that the token claims.
    pub generation: Generation,
    /// The authentication tag over both.
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

/// Seals and opens refresh tokens.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait RefreshTokens: Send + Sync {
    /// The refresh token of `session` for `generation`. A pure function: equal arguments give equal tokens, which is
    /// how a retried refresh gets the same token without any token being stored. MUST therefore seal with the key that was
    /// current at [`Session::rotated_at`], not with the one that is current now: between a lost response and the retry another
    /// key may have taken over.
    fn seal(&self, session: &Session, generation: Generation) -> RefreshToken;

    /// Parses the token that a client presents; `None` if it cannot be a refresh token of this service. Runs no query and
    /// proves nothing.
    fn open(&self, presented: &str) -> Option<PresentedRefreshToken>;

    /// Whether the tag proves that this server sealed the token for this session. MUST compare in constant time.
    fn is_authentic(&self, presented: &PresentedRefreshToken, session: &Session) -> bool;
}
