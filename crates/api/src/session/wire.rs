//! Bodies of sessions and tokens.

use doorward_application::TokenPair;
use doorward_domain::id::SessionId;
use doorward_domain::session::{Session, SessionPolicy};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account::wire::UserBody;
use crate::wire::rfc3339;

/// The credentials of a login.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Credentials)]
pub(crate) struct LoginBody {
    /// The e-mail address of the account, in any spelling.
    #[schema(example = "ada@example.org")]
    pub(crate) email: String,
    /// The password of the account.
    #[schema(value_type = String, format = Password, example = "nine wild gooseberries")]
    pub(crate) password: SecretString,
}

/// The refresh token of a session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeldToken {
    /// The refresh token.
    #[schema(value_type = String, format = Password, example = "dwr_AZI0…")]
    pub(crate) refresh_token: SecretString,
}

/// The user of an access token.
#[derive(Serialize, ToSchema)]
#[schema(as = Identity)]
pub(crate) struct IdentityBody {
    /// The id of the user.
    pub(crate) id: String,
    /// The e-mail address as it was entered; `null` if access tokens do not contain it.
    #[schema(required = true)]
    pub(crate) email: Option<String>,
    /// The user's roles when the token was issued.
    pub(crate) roles: Vec<String>,
    /// The id of the session.
    pub(crate) session_id: String,
    /// When the token expires.
    #[schema(format = DateTime)]
    pub(crate) expires_at: String,
}

/// The tokens that a login and a refresh return.
#[derive(Serialize, ToSchema)]
#[schema(as = TokenPair)]
pub(crate) struct TokenPairBody {
    /// Always `Bearer` (RFC 6750).
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// The access token, a JWT.
    access_token: String,
    /// The lifetime of the access token, in seconds.
    expires_in: u64,
    /// The refresh token, which obtains the next pair.
    refresh_token: String,
    /// The lifetime of the refresh token if it is not used, in seconds.
    refresh_expires_in: u64,
    /// The id of the session.
    session_id: String,
    /// The user of the session.
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

/// An active session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    /// The id of the session.
    id: String,
    /// When the user logged in, cut to the minute.
    #[schema(format = DateTime)]
    created_at: String,
    /// When the session was last refreshed, or the time of the login, cut to the minute.
    #[schema(format = DateTime)]
    last_used_at: String,
    /// When the session ends if it is not refreshed.
    #[schema(format = DateTime)]
    expires_at: String,
    /// The client's address at `last_used_at`.
    #[schema(required = true)]
    ip: Option<String>,
    /// The client's `User-Agent` at `last_used_at`.
    #[schema(required = true)]
    user_agent: Option<String>,
    /// Whether it is the session of the access token of this request.
    current: bool,
}

/// The active sessions of a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sessions)]
pub(crate) struct SessionsBody {
    /// The sessions, most recently used first.
    sessions: Vec<SessionBody>,
}

impl SessionsBody {
    /// `current` is the session of the caller.
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
