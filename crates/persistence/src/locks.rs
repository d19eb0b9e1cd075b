//! Locks on what is no row, for PostgreSQL. On SQLite a writing transaction is alone, and needs none.
//!
//! PostgreSQL has two families of advisory locks that never meet: those named by one 64-bit number and those named by
//! two of 32 bits. The first is used for attempts, the second for the few that have a name of their own.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};

use doorward_domain::attempt::AttemptKey;

use crate::connection::AnyConnection;

/// "DOOR": the first number of every lock that has a name of its own. Other programs may share the database.
pub(crate) const FAMILY: i32 = 0x444f_4f52;

/// The second number of the lock that whoever counts administrators holds.
const ADMINS: i32 = 1;

/// The second number of the lock that whoever migrates holds.
pub(crate) const MIGRATIONS: i32 = 2;

/// The second number of the lock that whoever writes to the log of revocations holds.
const REVOCATIONS: i32 = 3;

/// Waits until no other transaction has counted the administrators, and makes others wait until this one ends.
pub(crate) fn admins(connection: &mut AnyConnection) -> QueryResult<()> {
    named(connection, ADMINS)
}

/// Waits until no other transaction has written to the log of revocations, and makes others wait until this one ends:
/// entries are then numbered in the order in which they come to be seen.
pub(crate) fn revocations(connection: &mut AnyConnection) -> QueryResult<()> {
    named(connection, REVOCATIONS)
}

fn named(connection: &mut AnyConnection, name: i32) -> QueryResult<()> {
    if let AnyConnection::Postgres(connection) = connection {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1, $2)")
            .bind::<Integer, _>(FAMILY)
            .bind::<Integer, _>(name)
            .execute(connection)?;
    }
    Ok(())
}

/// Waits until no other transaction holds the key, and makes others wait until this one ends, whether there is a row
/// for it or not. Two keys with the same first 8 bytes would wait for each other needlessly, and nothing worse.
pub(crate) fn attempts(connection: &mut AnyConnection, key: &AttemptKey) -> QueryResult<()> {
    if let AnyConnection::Postgres(connection) = connection {
        let number = key.as_bytes().first_chunk().copied().unwrap_or_default();
        diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
            .bind::<BigInt, _>(i64::from_be_bytes(number))
            .execute(connection)?;
    }
    Ok(())
}
