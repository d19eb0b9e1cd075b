use diesel::prelude::*;

use doorward_domain::account::{DisplayName, Email, User, UserStatus};
use doorward_domain::account::{Role, Roles};
use doorward_domain::id::UserId;
use doorward_domain::subject::SubjectVersion;

use crate::column::{Location, instant};
use crate::error::DbError;
use crate::schema::users;

/// An account without its password and roles.
#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(crate) struct UserRow {
    pub(super) id: String,
    email: String,
    email_canonical: String,
    name: Option<String>,
    status: String,
    version: i64,
    created_at: i64,
    updated_at: i64,
    vouched: bool,
    email_verified_at: Option<i64>,
}

impl UserRow {
    /// Combines this row with the roles from `user_roles`.
    pub(crate) fn with_roles(self, roles: impl IntoIterator<Item = String>) -> Result<User, DbError> {
        let location = Location {
            table: "users",
            row: &self.id,
        };
        let email = Email::parse(&self.email).ok();
        let email = location.parsed("email", email)?;
        // Accounts are found by the canonical address and display the other: both must be the same address.
        location.parsed(
            "email_canonical",
            (email.canonical().as_str() == self.email_canonical).then_some(()),
        )?;
        let role_location = Location {
            table: "user_roles",
            row: &self.id,
        };
        let roles: Result<Roles, DbError> = roles
            .into_iter()
            .map(|role| role_location.parsed("role", Role::parse(&role).ok()))
            .collect();
        Ok(User {
            id: location.parsed("id", UserId::parse(&self.id).ok())?,
            email,
            name: location
                .parsed_optional("name", self.name.as_deref(), |name| DisplayName::parse(name).ok())?,
            roles: roles?,
            status: location.parsed("status", UserStatus::parse(&self.status))?,
            version: SubjectVersion::new(location.counter("version", self.version)?),
            vouched: self.vouched,
            email_verified_at: self.email_verified_at.map(instant),
            created_at: instant(self.created_at),
            updated_at: instant(self.updated_at),
        })
    }
}
