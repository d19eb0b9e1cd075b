//! What is said more than once in requests and answers.

use doorward_application::{AccountDraft, TokenPair};
use doorward_domain::account::Role;
use doorward_domain::account::User;
use doorward_domain::patch::Patch;
use doorward_domain::session::Session;
use doorward_domain::time::Timestamp;
use secrecy::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// An instant as answers tell it: RFC 3339, UTC.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    // Beyond the year 9999, where RFC 3339 ends, nothing happens.
    jiff::Timestamp::from_microsecond(at.as_micros())
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserBody {
    /// Names the user.
    id: String,
    /// The address as its owner typed it.
    email: String,
    /// The name the user goes by.
    #[schema(required = true)]
    name: Option<String>,
    /// The user's roles, in alphabetical order.
    #[schema(example = json!(["user"]))]
    roles: Vec<String>,
    /// Whether the account may be used.
    status: Status,
    /// When the account was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    updated_at: String,
}

/// Whether an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = UserStatus)]
pub(crate) enum Status {
    /// It may.
    Active,
    /// It may not, and has no live session.
    Disabled,
}

impl<'de> Deserialize<'de> for Status {
    /// A string and nothing else: serde's own would take an object for the name of a variant too.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "active" => Ok(Self::Active),
            "disabled" => Ok(Self::Disabled),
            _ => Err(D::Error::custom("neither `active` nor `disabled`")),
        }
    }
}

impl From<doorward_domain::account::UserStatus> for Status {
    fn from(status: doorward_domain::account::UserStatus) -> Self {
        use doorward_domain::account::UserStatus;
        match status {
            UserStatus::Active => Self::Active,
            UserStatus::Disabled => Self::Disabled,
        }
    }
}

impl From<Status> for doorward_domain::account::UserStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Disabled => Self::Disabled,
        }
    }
}

/// Role names, as answers list them.
pub(crate) fn role_names(roles: &doorward_domain::account::Roles) -> Vec<String> {
    roles.iter().map(Role::to_string).collect()
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.as_typed().to_owned(),
            name: user.name.map(|name| name.as_str().to_owned()),
            roles: role_names(&user.roles),
            status: user.status.into(),
            created_at: rfc3339(user.created_at),
            updated_at: rfc3339(user.updated_at),
        }
    }
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
    pub(crate) fn new(
        sessions: Vec<Session>,
        current: doorward_domain::id::SessionId,
        policy: &doorward_domain::session::SessionPolicy,
    ) -> Self {
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

/// What is asked for with a new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAccount {
    /// The address to log in with.
    #[schema(example = "ada@example.org")]
    pub(crate) email: String,
    /// The password to log in with.
    #[schema(value_type = String, format = Password, example = "nine wild gooseberries")]
    pub(crate) password: SecretString,
    /// The name to go by, at most 200 characters.
    pub(crate) name: Option<String>,
}

impl From<NewAccount> for AccountDraft {
    fn from(account: NewAccount) -> Self {
        Self {
            email: account.email,
            password: account.password,
            name: account.name,
        }
    }
}

/// Reads a member of an update: left out (with `#[serde(default)]`) it stays as it is.
pub(crate) fn change<'de, T, D>(deserializer: D) -> Result<Patch<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Patch::To)
}
