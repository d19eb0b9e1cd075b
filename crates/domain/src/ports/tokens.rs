use core::time::Duration;
use std::sync::Arc;

use crate::time::Timestamp;
use crate::token::{AccessClaims, AccessToken, Generation, PresentedRefreshToken, RefreshToken, Session};

/// An access token could not be signed. Nothing that a client sends causes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("signing failed: {0}")]
pub struct SigningError(pub String);

/// A token that is not a valid access token of ours. The reason is for the log; a client is told no more than that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the access token is not valid: {reason}")]
pub struct TokenRejected {
    /// Why, in words that repeat nothing of the token.
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
    /// `iat`, `nbf`, and that every claim is there with the right type. MUST NOT fetch anything.
    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenRejected>;
}

/// The public keys that others verify our access tokens with.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait PublishedKeys: Send + Sync {
    /// The key set as a JSON document (RFC 7517, section 5).
    fn key_set(&self) -> Arc<str>;

    /// How long others may use the document without asking again. MUST be less than the time for which a new key is
    /// published before a token is signed with it.
    fn cache_life(&self) -> Duration;
}

/// Seals and opens refresh tokens.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait RefreshTokens: Send + Sync {
    /// The refresh token of `session` for `generation`. A pure function: equal arguments give equal tokens, which is
    /// what makes a retried refresh answerable without storing any token. MUST therefore seal with the key that was current
    /// at [`Session::rotated_at`], not the one that is now: between an answer that was lost and the retry another key may
    /// have taken over.
    fn seal(&self, session: &Session, generation: Generation) -> RefreshToken;

    /// Reads the shape of what a client presents; `None` for anything that cannot be a refresh token of ours. Costs no
    /// query and proves nothing.
    fn open(&self, presented: &str) -> Option<PresentedRefreshToken>;

    /// Whether the tag proves that this server sealed the token for this session. MUST compare in constant time.
    fn is_authentic(&self, presented: &PresentedRefreshToken, session: &Session) -> bool;
}
