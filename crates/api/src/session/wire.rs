//! Bodies of sessions and tokens.

use doorward_application::TokenPair;
use doorward_domain::id::SessionId;
use doorward_domain::session::{Session, SessionPolicy};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account::wire::UserBody;
use crate::wire::rfc3339;

/// What a login takes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The address of the account, in any spelling.
    #[schema(example = "ada@example.org")]
    pub(crate) email: String,
    /// Its password.
    #[schema(value_type = String, format = Password, example = "nine wild gooseberries")]
    pub(crate) password: SecretString,
}

/// What a refresh and a logout take.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeldToken {
    /// The refresh token of the session.
    #[schema(value_type = String, format = Password, example = "dwr_AZI0…")]
    pub(crate) refresh_token: SecretString,
}

/// Whom an access token speaks for.
#[derive(Serialize, ToSchema)]
#[schema(as = Identity)]
pub(crate) struct IdentityBody {
    /// Names the user.
    pub(crate) id: String,
    /// The address as its owner typed it; `null` if access tokens do not carry it.
    #[schema(required = true)]
    pub(crate) email: Option<String>,
    /// The user's roles when the token was issued.
    pub(crate) roles: Vec<String>,
    /// The session the token belongs to.
    pub(crate) session_id: String,
    /// When the token expires.
    #[schema(format = DateTime)]
    pub(crate) expires_at: String,
}

/// What a login and a refresh hand out.
#[derive(Serialize, ToSchema)]
#[schema(as = TokenPair)]
pub(crate) struct TokenPairBody {
    /// Always `Bearer` (RFC 6750).
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Opens what the user may do, for a short time.
    access_token: String,
    /// How long the access token is valid, in seconds.
    expires_in: u64,
    /// Brings the next pair.
    refresh_token: String,
    /// How long the refresh token is valid if it is not used, in seconds.
    refresh_expires_in: u64,
    /// The session both belong to.
    session_id: String,
    /// Whose session it is.
    user: UserBody,
}

impl From<TokenPair> for TokenPairBody {
    fn from(pair: TokenPair) -> Self {
        Self {
            token_type: "Bearer",
            access_token: pair.access_token.expose().to_owned(),
            expires_in: pair.expires_in.as_secs(),
            refresh_token: pair.refresh_token.expose().to_owned(),
            refresh_expires_in: pair.refresh_expires_in.as_secs(),
            session_id: pair.session_id.to_string(),
            user: pair.user.into(),
        }
    }
}

/// A live session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    /// Names the session.
    id: String,
    /// When the user logged in.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last refreshed, or opened.
    #[schema(format = DateTime)]
    last_used_at: String,
    /// When it is over if it is not used.
    #[schema(format = DateTime)]
    expires_at: String,
    /// The client's address then.
    #[schema(required = true)]
    ip: Option<String>,
    /// What the client called itself then.
    #[schema(required = true)]
    user_agent: Option<String>,
    /// Whether it is the session of the access token that asks.
    current: bool,
}

/// The live sessions of one user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sessions)]
pub(crate) struct SessionsBody {
    /// The most recently used first.
    sessions: Vec<SessionBody>,
}

impl SessionsBody {
    /// Lists `sessions`, of which the one with the id `current` asks.
    pub(crate) fn new(sessions: Vec<Session>, current: SessionId, policy: &SessionPolicy) -> Self {
        let body = |session: Session| SessionBody {
            id: session.id.to_string(),
            created_at: rfc3339(session.created_at),
            last_used_at: rfc3339(session.last_used_at),
            expires_at: rfc3339(session.refresh_expires_at(policy)),
            ip: session.ip.map(|ip| ip.to_string()),
            user_agent: session.user_agent,
            current: session.id == current,
        };
        Self {
            sessions: sessions.into_iter().map(body).collect(),
        }
    }
}
