//! Pages of accounts: two statements each, at a cost that does not grow with the number of accounts before the page.
//!
//! An operator with a million accounts lists "the administrators" or "the disabled accounts", and each list must be read
//! from the index that has few entries. The databases do not find these indexes on their own: SQLite has no statistics and
//! considers any equality selective, and PostgreSQL plans a prepared statement for values of average frequency. Therefore
//! the status is part of the statement's text, in the form that [`has_status`] gives it (which also keeps Diesel from
//! caching the prepared statement, so that it is planned for its values), and each index has a query of its own.

use diesel::dsl::{exists, sql};
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use doorward_domain::account::Role;
use doorward_domain::account::UserFilter;
use doorward_domain::account::{User, UserStatus};
use doorward_domain::id::UserId;

use crate::connection::AnyConnection;
use crate::error::DbError;
use crate::schema::{user_roles, users};

use super::user_row::UserRow;

/// A condition on the status, in a form that makes the databases choose the right index.
pub(super) fn has_status(status: UserStatus) -> SqlLiteral<Bool> {
    sql(match status {
        // Nearly all accounts. In this form SQLite does not start from it.
        UserStatus::Active => "NOT (users.status <> 'active')",
        // The condition of the partial index `users_disabled`.
        UserStatus::Disabled => "users.status = 'disabled'",
    })
}

/// Loads up to `limit` accounts that match the filter, in ascending order of id, starting after the id `after`.
pub(super) fn load(
    connection: &mut AnyConnection,
    filter: &UserFilter,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<User>, DbError> {
    let after = after.map(|id| id.to_string());
    let rows = match &filter.role {
        Some(role) if filter.status != Some(UserStatus::Disabled) => {
            holders_of(connection, role, filter, after, limit)?
        }
        _ => accounts(connection, filter, after, limit)?,
    };
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let mut roles = user_roles::table
        .filter(user_roles::user_id.eq_any(ids))
        .order(user_roles::user_id)
        .load::<(String, String)>(connection)?
        .into_iter()
        .peekable();
    // Both lists are ordered by user id.
    let mut users = Vec::with_capacity(rows.len());
    for row in rows {
        let mut own = Vec::new();
        while let Some((_, role)) = roles.next_if(|(user_id, _)| *user_id == row.id) {
            own.push(role);
        }
        users.push(row.with_roles(own)?);
    }
    Ok(users)
}

/// Reads in the order of the primary key or of the index of disabled accounts.
fn accounts(
    connection: &mut AnyConnection,
    filter: &UserFilter,
    after: Option<String>,
    limit: u32,
) -> QueryResult<Vec<UserRow>> {
    let mut query = users::table
        .select(UserRow::as_select())
        .order(users::id)
        .limit(i64::from(limit))
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(users::id.gt(after));
    }
    if let Some(status) = filter.status {
        query = query.filter(has_status(status));
    }
    if let Some(email) = &filter.email {
        query = query.filter(users::email_canonical.eq(email.as_str()));
    }
    if let Some(role) = &filter.role {
        let of_account = user_roles::table.filter(user_roles::user_id.eq(users::id));
        query = query.filter(exists(of_account.filter(user_roles::role.eq(role.as_str()))));
    }
    query.load(connection)
}

/// Reads in the order of the index on role and user.
fn holders_of(
    connection: &mut AnyConnection,
    role: &Role,
    filter: &UserFilter,
    after: Option<String>,
    limit: u32,
) -> QueryResult<Vec<UserRow>> {
    let mut query = user_roles::table
        .inner_join(users::table)
        .filter(user_roles::role.eq(role.as_str()))
        .filter(has_status_or_any(filter.status))
        .select(UserRow::as_select())
        .order(user_roles::user_id)
        .limit(i64::from(limit))
        .into_boxed();
    if let Some(after) = after {
        // On both tables: PostgreSQL does not infer one bound from the other, and may merge the tables from their start.
        query = query
            .filter(users::id.gt(after.clone()))
            .filter(user_roles::user_id.gt(after));
    }
    if let Some(email) = &filter.email {
        query = query.filter(users::email_canonical.eq(email.as_str()));
    }
    query.load(connection)
}

/// Like [`has_status`], or `TRUE`. Always in the statement, so that Diesel does not cache it and it is planned for its role.
fn has_status_or_any(status: Option<UserStatus>) -> SqlLiteral<Bool> {
    status.map_or_else(|| sql("TRUE"), has_status)
}
