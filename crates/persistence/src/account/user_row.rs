use diesel::prelude::*;

use doorward_domain::access::{Role, Roles};
use doorward_domain::id::UserId;
use doorward_domain::identity::{DisplayName, Email, User, UserStatus, UserVersion};

use crate::column::{Place, instant};
use crate::error::Failure;
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
}

impl UserRow {
    /// The user of this row and of the rows of its roles.
    pub(crate) fn with_roles(self, roles: impl IntoIterator<Item = String>) -> Result<User, Failure> {
        let place = Place {
            table: "users",
            row: &self.id,
        };
        let email = Email::parse(&self.email).ok();
        let email = place.parsed("email", email)?;
        // Accounts are found by the one and shown by the other: they have to be the same address.
        place.parsed(
            "email_canonical",
            (email.canonical().as_str() == self.email_canonical).then_some(()),
        )?;
        let role_place = Place {
            table: "user_roles",
            row: &self.id,
        };
        let roles: Result<Roles, Failure> = roles
            .into_iter()
            .map(|role| role_place.parsed("role", Role::parse(&role).ok()))
            .collect();
        Ok(User {
            id: place.parsed("id", UserId::parse(&self.id).ok())?,
            email,
            name: place
                .parsed_optional("name", self.name.as_deref(), |name| DisplayName::parse(name).ok())?,
            roles: roles?,
            status: place.parsed("status", UserStatus::parse(&self.status))?,
            version: UserVersion::new(place.counter("version", self.version)?),
            created_at: instant(self.created_at),
            updated_at: instant(self.updated_at),
        })
    }
}
