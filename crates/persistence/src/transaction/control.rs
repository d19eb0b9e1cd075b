//! How transactions begin and end on each database.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::result::QueryResult;

use crate::connection::{AnyConnection, local_timeouts, on_either};

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Read only, from one consistent snapshot.
    Read,
    /// Read and write.
    Write,
    /// Read, in one call of a repository.
    ReadSingle,
    /// Read and write, in one call of a repository.
    WriteSingle,
}

impl Mode {
    /// Whether the transaction allows one call only.
    pub(super) const fn is_single(self) -> bool {
        matches!(self, Self::ReadSingle | Self::WriteSingle)
    }

    /// Whether the transaction is one statement, which needs no `BEGIN` and `COMMIT`. On SQLite, which makes statements
    /// wait for each other in another way than transactions, one that writes has them. Through a pooler all have, because
    /// timeouts are set in the transaction.
    pub(crate) const fn is_statement(self, is_sqlite: bool, is_pooled: bool) -> bool {
        match self {
            Self::Read | Self::Write => false,
            Self::ReadSingle => !is_pooled,
            Self::WriteSingle => !is_sqlite && !is_pooled,
        }
    }
}

/// Begins a transaction.
///
/// SQLite: a writing transaction takes the write lock immediately. A deferred one would take it at its first write, and
/// fail there without waiting if another transaction had written since its first read.
///
/// PostgreSQL: a writing transaction sees what was committed before each statement, so that what it reads after waiting
/// for a lock is what the lock's last holder left. A reading one has a single snapshot. Both isolation levels are set
/// explicitly because a database may have other defaults.
///
/// Through a pooler (`is_pooled`), PostgreSQL's timeouts are set for each transaction, in the message that begins it.
pub(crate) fn begin(connection: &mut AnyConnection, mode: Mode, is_pooled: bool) -> QueryResult<()> {
    match connection {
        AnyConnection::Sqlite(connection) => {
            let sql = match mode {
                Mode::Read | Mode::ReadSingle => "BEGIN DEFERRED",
                Mode::Write | Mode::WriteSingle => "BEGIN IMMEDIATE",
            };
            AnsiTransactionManager::begin_transaction_sql(connection, sql)
        }
        AnyConnection::Postgres(connection) => {
            let sql = match mode {
                Mode::Read | Mode::ReadSingle => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                Mode::Write | Mode::WriteSingle => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
            };
            if is_pooled {
                let sql = format!("{sql}{}", local_timeouts());
                return AnsiTransactionManager::begin_transaction_sql(connection, &sql);
            }
            AnsiTransactionManager::begin_transaction_sql(connection, sql)
        }
    }
}

/// Commits. If the connection was lost, an error leaves open whether the transaction was committed; after any other error
/// it was not.
pub(crate) fn commit(connection: &mut AnyConnection) -> QueryResult<()> {
    on_either!(connection, inner => AnsiTransactionManager::commit_transaction(inner))
}

/// Rolls back. If that fails, the connection is broken: the pool closes it, and the database rolls back on its own.
pub(crate) fn roll_back(connection: &mut AnyConnection) {
    let _ = on_either!(connection, inner => AnsiTransactionManager::rollback_transaction(inner));
}
