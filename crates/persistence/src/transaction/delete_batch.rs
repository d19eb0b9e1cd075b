use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::QueryId;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, HasSqlType};
use diesel::sqlite::Sqlite;

use crate::connection::{AnyConnection, on_either};
use crate::error::DbError;

/// Which rows of a table expire, and in which order.
pub(crate) struct Expiring {
    pub(crate) table: &'static str,
    /// The primary key, of one column.
    pub(crate) id: &'static str,
    /// The indexed column that is compared with the bound.
    pub(crate) column: &'static str,
}

/// Deletes up to `limit` rows whose `column` is less than `bound`, the least first. Returns how many were deleted.
///
/// Written in SQL because Diesel's `MultiConnection` has no limited deletion. On PostgreSQL it skips rows that another
/// instance is deleting, so that concurrent deletions do not block each other.
pub(crate) fn delete_batch<T, V>(
    connection: &mut AnyConnection,
    expiring: &Expiring,
    bound: V,
    limit: u32,
) -> Result<u64, DbError>
where
    T: QueryId,
    V: ToSql<T, Sqlite> + ToSql<T, Pg>,
    Sqlite: HasSqlType<T>,
    Pg: HasSqlType<T>,
{
    let Expiring { table, id, column } = expiring;
    let skip = match connection {
        AnyConnection::Sqlite(_) => "",
        AnyConnection::Postgres(_) => " FOR UPDATE SKIP LOCKED",
    };
    let select = format!("SELECT {id} FROM {table} WHERE {column} < $1 ORDER BY {column} LIMIT $2{skip}");
    let query = diesel::sql_query(format!("DELETE FROM {table} WHERE {id} IN ({select})"))
        .bind::<T, _>(bound)
        .bind::<BigInt, _>(i64::from(limit));
    let deleted = on_either!(connection, inner => query.execute(inner))?;
    Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
}
