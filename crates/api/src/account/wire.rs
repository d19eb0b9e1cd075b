//! Bodies and parameters of accounts.

use doorward_application::AccountDraft;
use doorward_domain::account::{Email, Role, User, UserFilter};
use doorward_domain::id::UserId;
use doorward_domain::patch::Patch;
use secrecy::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;
use crate::wire::{page_size, patch, rfc3339};

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

/// What may be changed of one's own account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountUpdate {
    /// The name to go by; `null` for none. Left out, it stays as it is.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>)]
    pub(crate) name: Patch<Option<String>>,
}

/// What a change of password takes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The password as it is.
    #[schema(value_type = String, format = Password)]
    pub(crate) current_password: SecretString,
    /// The password as it is to be.
    #[schema(value_type = String, format = Password)]
    pub(crate) new_password: SecretString,
}

/// What a deletion takes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirmation {
    /// The password of the account.
    #[schema(value_type = String, format = Password)]
    pub(crate) password: SecretString,
}

/// Which accounts to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UserListing {
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Where the page begins: `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only the account with this address, in any spelling.
    email: Option<String>,
    /// Only accounts with this role.
    #[param(pattern = "^[a-z][a-z0-9_-]{0,31}$")]
    role: Option<String>,
    /// Only accounts with this status.
    status: Option<Status>,
}

/// One page of accounts.
#[derive(Serialize, ToSchema)]
#[schema(as = Users)]
pub(crate) struct UsersBody {
    /// In the order in which they were made.
    pub(crate) users: Vec<UserBody>,
    /// Where the next page begins; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) next_cursor: Option<String>,
}

/// What is asked for with an account for somebody else.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// The address to log in with.
    #[schema(example = "ada@example.org")]
    pub(crate) email: String,
    /// The password to log in with.
    #[schema(value_type = String, format = Password, example = "nine wild gooseberries")]
    pub(crate) password: SecretString,
    /// The name to go by, at most 200 characters.
    pub(crate) name: Option<String>,
    /// What the user may do; `user` if left out.
    pub(crate) roles: Option<Vec<String>>,
}

/// What may be changed of an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserUpdate {
    /// The name to go by; `null` for none. Left out, it stays as it is.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>)]
    pub(crate) name: Patch<Option<String>>,
    /// Whether the account may be used. Disabling ends every session. Left out, it stays as it is.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<Status>, nullable = false)]
    pub(crate) status: Patch<Status>,
}

/// The roles a user is to have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assignment {
    /// Exactly these.
    #[schema(example = json!(["user", "billing"]))]
    pub(crate) roles: Vec<String>,
}

impl UserListing {
    /// What to list, how many, after whom.
    pub(crate) fn parse(self) -> Result<(UserFilter, u32, Option<UserId>), Problem> {
        let limit = page_size(self.limit)?;
        let email = self.email.as_deref().map(Email::parse).transpose();
        let role = self.role.as_deref().map(Role::parse).transpose();
        let after = self.cursor.as_deref().map(UserId::parse).transpose();
        let filter = UserFilter {
            email: email
                .map_err(|_detail| Problem::malformed("`email` is not an e-mail address"))?
                .map(|email| email.canonical().clone()),
            role: role.map_err(|_detail| Problem::malformed("`role` is not a role name"))?,
            status: self.status.map(Into::into),
        };
        Ok((
            filter,
            limit,
            after.map_err(|_detail| Problem::malformed("`cursor` is not a cursor of this list"))?,
        ))
    }
}
