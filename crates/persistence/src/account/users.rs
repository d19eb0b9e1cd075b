use diesel::dsl::auto_type;
use diesel::prelude::*;

use doorward_domain::account::Role;
use doorward_domain::account::{
    CanonicalEmail, Credentials, DisplayName, PasswordDigest, PasswordVersion, User, UserStatus,
};
use doorward_domain::account::{EmailTaken, UserFilter, UserRepository};
use doorward_domain::id::UserId;
use doorward_domain::outcome::Outcome;
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use crate::column::{Location, without_nul};
use crate::connection::{AnyConnection, on_either};
use crate::error::DbError;
use crate::locks;
use crate::schema::{user_roles, users};
use crate::transaction::{Transaction, affected};

use super::user_page;
use super::user_row::UserRow;

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct PasswordRow {
    password_digest: String,
    password_version: i64,
}

/// One row for each role of a user; one row without a role if the user has none.
#[auto_type(no_type_alias)]
fn users_with_roles() -> _ {
    users::table.left_join(user_roles::table)
}

fn find(connection: &mut AnyConnection, id: UserId) -> Result<Option<User>, DbError> {
    let rows: Vec<(UserRow, Option<String>)> = users_with_roles()
        .filter(users::id.eq(id.to_string()))
        .select((UserRow::as_select(), user_roles::role.nullable()))
        .load(connection)?;
    let mut rows = rows.into_iter();
    let Some((user, first_role)) = rows.next() else {
        return Ok(None);
    };
    user.with_roles(first_role.into_iter().chain(rows.filter_map(|(_, role)| role)))
        .map(Some)
}

fn credentials(rows: Vec<(UserRow, PasswordRow, Option<String>)>) -> Result<Option<Credentials>, DbError> {
    let mut rows = rows.into_iter();
    let Some((user, password, first_role)) = rows.next() else {
        return Ok(None);
    };
    let location = Location {
        table: "users",
        row: &user.id,
    };
    let password_version =
        PasswordVersion::new(location.counter("password_version", password.password_version)?);
    let user = user.with_roles(first_role.into_iter().chain(rows.filter_map(|(_, _, role)| role)))?;
    Ok(Some(Credentials {
        user,
        digest: PasswordDigest::new(password.password_digest),
        password_version,
    }))
}

fn insert_roles(connection: &mut AnyConnection, user: &User) -> Result<(), DbError> {
    // One statement per role: most users have one or two, and a statement with a fixed shape is prepared once.
    for role in user.roles.iter() {
        diesel::insert_into(user_roles::table)
            .values((
                user_roles::user_id.eq(user.id.to_string()),
                user_roles::role.eq(role.as_str()),
            ))
            .execute(connection)?;
    }
    Ok(())
}

impl UserRepository for Transaction<'_> {
    fn insert(&mut self, user: &User, digest: &PasswordDigest) -> StoreResult<Outcome<(), EmailTaken>> {
        self.write(|connection| {
            let digest = without_nul("users", "password_digest", digest.expose())?;
            let values = (
                users::id.eq(user.id.to_string()),
                users::email.eq(user.email.as_typed()),
                users::email_canonical.eq(user.email.canonical().as_str()),
                users::name.eq(user.name.as_ref().map(DisplayName::as_str)),
                users::status.eq(user.status.as_str()),
                users::version.eq(i64::from(user.version.get())),
                users::password_digest.eq(digest),
                users::password_version.eq(i64::from(PasswordVersion::FIRST.get())),
                users::created_at.eq(user.created_at.as_micros()),
                users::updated_at.eq(user.updated_at.as_micros()),
                users::vouched.eq(user.vouched),
                users::email_verified_at.eq(user.email_verified_at.map(Timestamp::as_micros)),
            );
            let statement = diesel::insert_into(users::table)
                .values(values)
                .on_conflict(users::email_canonical)
                .do_nothing();
            // Waits for a concurrent transaction that has inserted the same address.
            let rows = on_either!(connection, inner => statement.execute(inner))?;
            if rows == 0 {
                return Ok(Outcome::Refused(EmailTaken));
            }
            insert_roles(connection, user)?;
            Ok(Outcome::Done(()))
        })
    }

    fn find(&mut self, id: UserId) -> StoreResult<Option<User>> {
        self.read_single(|connection| find(connection, id))
    }

    fn lock(&mut self, id: UserId) -> StoreResult<Option<User>> {
        self.write(|connection| {
            // A separate statement: one that also reads the roles would, after waiting, return the row as the other
            // transaction left it but the roles as they were before. On SQLite the transaction itself is the lock.
            if let AnyConnection::Postgres(connection) = connection {
                users::table
                    .filter(users::id.eq(id.to_string()))
                    .select(users::id)
                    .for_no_key_update()
                    .execute(connection)?;
            }
            find(connection, id)
        })
    }

    fn lock_unchanged(&mut self, known: &Credentials) -> StoreResult<bool> {
        self.write(|connection| {
            let (id, user) = (known.user.id.to_string(), &known.user);
            // Roles and status change the version, and any other change of the account its time of change.
            let unchanged = users::table.filter(
                users::id
                    .eq(&id)
                    .and(users::version.eq(i64::from(user.version.get())))
                    .and(users::updated_at.eq(user.updated_at.as_micros()))
                    .and(users::password_version.eq(i64::from(known.password_version.get()))),
            );
            let name: Option<Option<String>> = match connection {
                AnyConnection::Sqlite(connection) => {
                    unchanged.select(users::name).get_result(connection).optional()?
                }
                AnyConnection::Postgres(connection) => unchanged
                    .select(users::name)
                    .for_no_key_update()
                    .get_result(connection)
                    .optional()?,
            };
            Ok(name.is_some_and(|name| name.as_deref() == user.name.as_ref().map(DisplayName::as_str)))
        })
    }

    fn id_of(&mut self, email: &CanonicalEmail) -> StoreResult<Option<UserId>> {
        self.read(|connection| {
            let id: Option<String> = users::table
                .filter(users::email_canonical.eq(email.as_str()))
                .select(users::id)
                .get_result(connection)
                .optional()?;
            let parse = |id: String| {
                let location = Location {
                    table: "users",
                    row: &id,
                };
                location.parsed("id", UserId::parse(&id).ok())
            };
            id.map(parse).transpose()
        })
    }

    fn find_credentials_by_email(&mut self, email: &CanonicalEmail) -> StoreResult<Option<Credentials>> {
        self.read_single(|connection| {
            let rows = users_with_roles()
                .filter(users::email_canonical.eq(email.as_str()))
                .select((
                    UserRow::as_select(),
                    PasswordRow::as_select(),
                    user_roles::role.nullable(),
                ))
                .load(connection)?;
            credentials(rows)
        })
    }

    fn find_credentials(&mut self, id: UserId) -> StoreResult<Option<Credentials>> {
        self.read_single(|connection| {
            let rows = users_with_roles()
                .filter(users::id.eq(id.to_string()))
                .select((
                    UserRow::as_select(),
                    PasswordRow::as_select(),
                    user_roles::role.nullable(),
                ))
                .load(connection)?;
            credentials(rows)
        })
    }

    fn password_version(&mut self, id: UserId) -> StoreResult<Option<PasswordVersion>> {
        self.read(|connection| {
            let id = id.to_string();
            let version: Option<i64> = users::table
                .find(&id)
                .select(users::password_version)
                .get_result(connection)
                .optional()?;
            let location = Location {
                table: "users",
                row: &id,
            };
            version
                .map(|version| {
                    location
                        .counter("password_version", version)
                        .map(PasswordVersion::new)
                })
                .transpose()
        })
    }

    fn update(&mut self, user: &User) -> StoreResult<bool> {
        self.write(|connection| {
            let id = user.id.to_string();
            let found = affected(
                diesel::update(users::table.find(&id))
                    .set((
                        users::name.eq(user.name.as_ref().map(DisplayName::as_str)),
                        users::status.eq(user.status.as_str()),
                        users::version.eq(i64::from(user.version.get())),
                        users::updated_at.eq(user.updated_at.as_micros()),
                    ))
                    .execute(connection),
            )?;
            if !found {
                return Ok(false);
            }
            let mut current: Vec<String> = user_roles::table
                .filter(user_roles::user_id.eq(&id))
                .select(user_roles::role)
                .load(connection)?;
            current.sort_unstable();
            if !current
                .iter()
                .map(String::as_str)
                .eq(user.roles.iter().map(Role::as_str))
            {
                diesel::delete(user_roles::table.filter(user_roles::user_id.eq(&id))).execute(connection)?;
                insert_roles(connection, user)?;
            }
            Ok(true)
        })
    }

    fn set_digest(
        &mut self,
        id: UserId,
        digest: &PasswordDigest,
        expected: PasswordVersion,
        version: PasswordVersion,
    ) -> StoreResult<bool> {
        self.write(|connection| {
            let digest = without_nul("users", "password_digest", digest.expose())?;
            let current = users::table
                .find(id.to_string())
                .filter(users::password_version.eq(i64::from(expected.get())));
            affected(
                diesel::update(current)
                    .set((
                        users::password_digest.eq(digest),
                        users::password_version.eq(i64::from(version.get())),
                    ))
                    .execute(connection),
            )
        })
    }

    fn delete(&mut self, id: UserId) -> StoreResult<bool> {
        // Foreign keys delete roles and sessions too.
        self.write(|connection| {
            affected(diesel::delete(users::table.find(id.to_string())).execute(connection))
        })
    }

    fn count_active_admins(&mut self) -> StoreResult<u64> {
        self.write(|connection| {
            locks::admins(connection)?;
            let count: i64 = user_roles::table
                .inner_join(users::table)
                .filter(user_roles::role.eq(Role::ADMIN))
                .filter(user_page::has_status(UserStatus::Active))
                .count()
                .get_result(connection)?;
            Ok(u64::try_from(count).unwrap_or(0))
        })
    }

    fn page(&mut self, filter: &UserFilter, after: Option<UserId>, limit: u32) -> StoreResult<Vec<User>> {
        self.read(|connection| user_page::load(connection, filter, after, limit))
    }
}
