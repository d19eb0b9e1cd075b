//! Pages of accounts: two statements each, at a cost that does not grow with the accounts before the page.
//!
//! An operator with a million accounts asks for "the administrators" and "those who are disabled", and each must come
//! from the index that has few of them. The databases do not find that out by themselves. SQLite keeps no statistics,
//! and takes any equality for selective. PostgreSQL plans a statement that is prepared for values of average rarity.
//! Therefore the status stands in the text of the statement (Diesel then does not keep it prepared either, so that it is
//! planned for its values), in the words of [`has_status`], and there is one shape of query for each index.

use diesel::dsl::{exists, sql};
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use doorward_domain::access::Role;
use doorward_domain::id::UserId;
use doorward_domain::identity::{User, UserStatus};
use doorward_domain::ports::UserFilter;

use crate::connection::AnyConnection;
use crate::error::Failure;
use crate::schema::{user_roles, users};

use super::user_row::UserRow;

/// Whether an account has that status, in words that say how rare it is.
pub(super) fn has_status(status: UserStatus) -> SqlLiteral<Bool> {
    sql(match status {
        // Nearly all are. So written, SQLite cannot take it for a place to start from.
        UserStatus::Active => "NOT (users.status <> 'active')",
        // The words of the index `users_disabled`.
        UserStatus::Disabled => "users.status = 'disabled'",
    })
}

/// Up to `limit` accounts that meet the filter, in order of id, after the account `after`.
pub(super) fn load(
    connection: &mut AnyConnection,
    filter: &UserFilter,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<User>, Failure> {
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
    // Both are in order of id.
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

/// In order of the primary key, or of the index of disabled accounts.
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

/// In order of the index over role and user.
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
        // Of both tables, for PostgreSQL does not conclude the one from the other, and may merge the two from the start.
        query = query
            .filter(users::id.gt(after.clone()))
            .filter(user_roles::user_id.gt(after));
    }
    if let Some(email) = &filter.email {
        query = query.filter(users::email_canonical.eq(email.as_str()));
    }
    query.load(connection)
}

/// The same where any status will do. Always there, so that the statement is planned for the role that it is about.
fn has_status_or_any(status: Option<UserStatus>) -> SqlLiteral<Bool> {
    status.map_or_else(|| sql("TRUE"), has_status)
}
