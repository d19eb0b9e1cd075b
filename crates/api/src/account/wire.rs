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
    /// The id of the user.
    id: String,
    /// The e-mail address as it was entered.
    email: String,
    /// Whether the user has proved that the address is theirs. An address that is not verified is no proof of who the user is.
    #[schema(example = false)]
    email_verified: bool,
    /// The display name.
    #[schema(required = true)]
    name: Option<String>,
    /// The user's roles, in alphabetical order.
    #[schema(example = json!(["user"]))]
    roles: Vec<String>,
    /// Whether the account is active.
    status: Status,
    /// When the account was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// When the account was last changed.
    #[schema(format = DateTime)]
    updated_at: String,
}

/// The status of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = UserStatus)]
pub(crate) enum Status {
    /// The user can log in.
    Active,
    /// The user cannot log in and has no active session.
    Disabled,
}

impl<'de> Deserialize<'de> for Status {
    /// Accepts a string only: the derived implementation would also accept an object.
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

/// Role names as responses list them.
pub(crate) fn role_names(roles: &doorward_domain::account::Roles) -> Vec<String> {
    roles.iter().map(Role::to_string).collect()
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            email_verified: user.is_email_verified(),
            email: user.email.as_typed().to_owned(),
            name: user.name.map(|name| name.as_str().to_owned()),
            roles: role_names(&user.roles),
            status: user.status.into(),
            created_at: rfc3339(user.created_at),
            updated_at: rfc3339(user.updated_at),
        }
    }
}

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAccount)]
pub(crate) struct RegistrationBody {
    /// The e-mail address to log in with.
    #[schema(example = "ada@example.org")]
    pub(crate) email: String,
    /// The password to log in with.
    #[schema(value_type = String, format = Password, example = "nine wild gooseberries")]
    pub(crate) password: SecretString,
    /// The display name, at most 200 characters.
    pub(crate) name: Option<String>,
}

impl From<RegistrationBody> for AccountDraft {
    fn from(account: RegistrationBody) -> Self {
        Self {
            email: account.email,
            password: account.password,
            name: account.name,
        }
    }
}

/// Changes to the caller's own account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountUpdate {
    /// The display name; `null` removes it. If absent, it is not changed.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>)]
    pub(crate) name: Patch<Option<String>>,
}

/// A change of password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The current password.
    #[schema(value_type = String, format = Password)]
    pub(crate) current_password: SecretString,
    /// The new password.
    #[schema(value_type = String, format = Password)]
    pub(crate) new_password: SecretString,
}

/// The confirmation of a deletion.
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
    /// The page size.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// Only the account with this e-mail address, in any spelling.
    email: Option<String>,
    /// Only accounts with this role.
    #[param(pattern = "^[a-z][a-z0-9_-]{0,31}$")]
    role: Option<String>,
    /// Only accounts with this status.
    status: Option<Status>,
}

/// A page of accounts.
#[derive(Serialize, ToSchema)]
#[schema(as = Users)]
pub(crate) struct UsersBody {
    /// The accounts, oldest first.
    pub(crate) users: Vec<UserBody>,
    /// The cursor of the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) next_cursor: Option<String>,
}

/// A new account, created by an administrator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// The e-mail address to log in with.
    #[schema(example = "ada@example.org")]
    pub(crate) email: String,
    /// The password to log in with.
    #[schema(value_type = String, format = Password, example = "nine wild gooseberries")]
    pub(crate) password: SecretString,
    /// The display name, at most 200 characters.
    pub(crate) name: Option<String>,
    /// The roles of the user; `user` if absent.
    pub(crate) roles: Option<Vec<String>>,
}

/// Changes to an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserUpdate {
    /// The display name; `null` removes it. If absent, it is not changed.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<String>)]
    pub(crate) name: Patch<Option<String>>,
    /// The status of the account; `disabled` ends all sessions. If absent, it is not changed.
    #[serde(default, deserialize_with = "patch")]
    #[schema(value_type = Option<Status>, nullable = false)]
    pub(crate) status: Patch<Status>,
}

/// The roles of a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assignment {
    /// All roles of the user; they replace the current ones.
    #[schema(example = json!(["user", "billing"]))]
    pub(crate) roles: Vec<String>,
}

impl UserListing {
    /// The filter, the page size and the user after whom the page begins.
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
