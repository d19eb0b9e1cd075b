//! Locks that do not belong to a row, for PostgreSQL. On SQLite a writing transaction has no concurrent writer.
//!
//! PostgreSQL has two separate spaces of advisory locks: those identified by one 64-bit number and those identified by two
//! 32-bit numbers. The second is used, for the few locks that have a name.

use diesel::prelude::*;
use diesel::sql_types::Integer;

use crate::connection::AnyConnection;

/// "DOOR": the first number of every named lock. Other programs may share the database.
const NAMESPACE: i32 = 0x444f_4f52;

/// The second number of the lock that is held while administrators are counted.
const ADMINS: i32 = 1;

/// The second number of the lock that is held while migrations run.
const MIGRATIONS: i32 = 2;

/// The second number of the lock that is held while revocations are numbered, and by instances of the last release while they
/// write one.
const REVOCATIONS: i32 = 3;

/// Waits for other transactions that have counted the administrators, and locks them out until this one ends.
pub(crate) fn admins(connection: &mut AnyConnection) -> QueryResult<()> {
    named(connection, ADMINS)
}

/// Waits for other transactions that migrate, and locks them out until this one ends.
pub(crate) fn migrations(connection: &mut AnyConnection) -> QueryResult<()> {
    named(connection, MIGRATIONS)
}

/// Waits for other transactions that have numbered revocations, and locks them out until this one ends. Numbers therefore
/// follow the order in which they become visible.
pub(crate) fn revocations(connection: &mut AnyConnection) -> QueryResult<()> {
    named(connection, REVOCATIONS)
}

fn named(connection: &mut AnyConnection, name: i32) -> QueryResult<()> {
    if let AnyConnection::Postgres(connection) = connection {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1, $2)")
            .bind::<Integer, _>(NAMESPACE)
            .bind::<Integer, _>(name)
            .execute(connection)?;
    }
    Ok(())
}
