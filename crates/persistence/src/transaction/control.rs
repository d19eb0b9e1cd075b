//! How transactions begin and end on each database.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::result::QueryResult;

use crate::connection::{AnyConnection, on_either};

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Reads, on one consistent view.
    Read,
    /// Reads and writes.
    Write,
}

/// Begins a transaction.
///
/// SQLite: a writing transaction takes the write lock at once. A deferred one would take it at its first write, and be
/// refused there without waiting if another has written since its first read.
///
/// PostgreSQL: writers see what was committed before each statement, so that what is read after waiting for a lock is
/// what the holder of the lock left; readers have one snapshot. Both are said, as a database may have other defaults.
pub(crate) fn begin(connection: &mut AnyConnection, mode: Mode) -> QueryResult<()> {
    match connection {
        AnyConnection::Sqlite(connection) => {
            let sql = match mode {
                Mode::Read => "BEGIN DEFERRED",
                Mode::Write => "BEGIN IMMEDIATE",
            };
            AnsiTransactionManager::begin_transaction_sql(connection, sql)
        }
        AnyConnection::Postgres(connection) => {
            let sql = match mode {
                Mode::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                Mode::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
            };
            AnsiTransactionManager::begin_transaction_sql(connection, sql)
        }
    }
}

/// Commits. After an error it is not known whether the transaction was committed if the connection was lost, and it was
/// not in any other case.
pub(crate) fn commit(connection: &mut AnyConnection) -> QueryResult<()> {
    on_either!(connection, inner => AnsiTransactionManager::commit_transaction(inner))
}

/// Rolls back. When that fails the connection is broken, the pool closes it, and the database rolls back by itself.
pub(crate) fn roll_back(connection: &mut AnyConnection) {
    let _ = on_either!(connection, inner => AnsiTransactionManager::rollback_transaction(inner));
}
