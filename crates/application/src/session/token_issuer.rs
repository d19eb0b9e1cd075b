//! The token pair that login and refresh return.

use core::time::Duration;

use doorward_domain::account::User;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::{SessionId, TokenId};
use doorward_domain::session::RefreshTokens;
use doorward_domain::session::{Authentication, RefreshToken, Session, SessionPolicy};
use doorward_domain::time::Timestamp;
use doorward_domain::token::{AccessClaims, AccessToken};
use doorward_domain::token::{AccessTokenSigner, SigningError};

/// A short-lived access token, and the refresh token that obtains the next pair.
#[derive(Debug, Clone)]
pub struct TokenPair {
    /// The access token.
    pub access_token: AccessToken,
    /// The lifetime of the access token, in whole seconds.
    pub expires_in: Duration,
    /// The refresh token.
    pub refresh_token: RefreshToken,
    /// The time until the refresh token expires if it is not used, in whole seconds.
    pub refresh_expires_in: Duration,
    /// The session of both tokens.
    pub session_id: SessionId,
    /// The user of the session.
    pub user: User,
}

/// Issues token pairs.
#[derive(Clone, Copy)]
pub struct TokenIssuer<'a> {
    /// Signs access tokens.
    pub signer: &'a dyn AccessTokenSigner,
    /// Seals refresh tokens.
    pub refresh_tokens: &'a dyn RefreshTokens,
    /// The lifetimes of tokens.
    pub policy: &'a SessionPolicy,
    /// Whether access tokens carry the user's address.
    pub email_in_access_tokens: bool,
    /// Generates the ids of access tokens.
    pub entropy: &'a dyn Entropy,
}

impl TokenIssuer<'_> {
    /// Issues the pair for the current generation of `session`, with the current roles and version of `user`.
    pub(crate) fn issue(
        &self,
        user: User,
        session: &Session,
        now: Timestamp,
    ) -> Result<TokenPair, SigningError> {
        let issued_at = now.cut_to_seconds();
        // An access token must not outlive its session.
        let expires_at = (issued_at + self.policy.access_ttl).min(session.expires_at.cut_to_seconds());
        let claims = AccessClaims {
            subject: user.id.into(),
            session_id: session.id,
            token_id: TokenId::generate(now, self.entropy),
            subject_version: user.version,
            roles: user.roles.clone(),
            email: self
                .email_in_access_tokens
                .then(|| user.email.as_typed().to_owned()),
            email_verified: user.is_email_verified(),
            issued_at,
            expires_at,
            authentication: Some(Authentication {
                at: session.authentication.at.cut_to_seconds(),
                ..session.authentication.clone()
            }),
        };
        Ok(TokenPair {
            access_token: self.signer.sign(&claims)?,
            expires_in: expires_at.since(issued_at),
            refresh_token: self.refresh_tokens.seal(session, session.generation),
            refresh_expires_in: Duration::from_secs(
                session.refresh_expires_at(self.policy).since(now).as_secs(),
            ),
            session_id: session.id,
            user,
        })
    }
}
