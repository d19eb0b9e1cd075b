//! An open transaction, and how it begins and ends.

mod control;
mod delete_batch;
mod statement;

pub(crate) use control::{Mode, begin, commit, roll_back};
pub(crate) use delete_batch::{Expiring, delete_batch};
pub(crate) use statement::{Statement, Value};

use core::time::Duration;

use diesel::result::QueryResult;

use doorward_domain::store_error::StoreResult;

use crate::connection::{AnyConnection, ServerClock};
use crate::error::DbError;

/// An open transaction. The repositories are implemented for it, in the folder of each feature.
///
/// After a failed statement it runs no other one, and can only be rolled back. PostgreSQL requires this, and even responds to a
/// `COMMIT` of such a transaction without an error. A use case that ignores an error must not behave differently on SQLite.
///
/// Repositories read a single row with `get_result` and a unique key. `first` would bind a `LIMIT`, and SQLite plans a
/// statement anew each time a `LIMIT` is bound, which takes five times as long as running it.
pub(crate) struct Transaction<'c> {
    connection: &'c mut AnyConnection,
    server_clock: &'c ServerClock,
    mode: Mode,
    /// Whether the one call of a [single](Mode::WriteSingle) mode has been made.
    is_used: bool,
    error: Option<DbError>,
}

impl<'c> Transaction<'c> {
    /// Wraps a connection on which a transaction of that mode has begun.
    pub(crate) fn new(connection: &'c mut AnyConnection, server_clock: &'c ServerClock, mode: Mode) -> Self {
        Self {
            connection,
            server_clock,
            mode,
            is_used: false,
            error: None,
        }
    }

    /// The first error of the transaction, if there was one.
    pub(crate) fn into_error(self) -> Option<DbError> {
        self.error
    }

    /// The clock of the server.
    pub(crate) const fn server_clock(&self) -> &'c ServerClock {
        self.server_clock
    }

    /// Until when a statement may take effect that must not do so later than `wait` from now, by the clock of the server. `None`
    /// in a transaction, which can be rolled back. (Through a pooler a single statement has both, which does no harm.)
    pub(crate) fn bound_without_transaction(&self, wait: Duration) -> Option<i64> {
        self.mode
            .is_statement(matches!(self.connection, AnyConnection::Sqlite(_)), false)
            .then(|| self.server_clock.after(wait))
            .flatten()
    }

    /// Runs statements that only read.
    pub(crate) fn read<T>(
        &mut self,
        statements: impl FnOnce(&mut AnyConnection) -> Result<T, DbError>,
    ) -> StoreResult<T> {
        let mode = self.mode;
        self.run(|connection| {
            if mode.is_single() {
                return Err(DbError::unavailable("several statements without a transaction"));
            }
            statements(connection)
        })
    }

    /// Runs statements that write or lock. Fails in a reading transaction on both databases, although SQLite would
    /// allow it.
    pub(crate) fn write<T>(
        &mut self,
        statements: impl FnOnce(&mut AnyConnection) -> Result<T, DbError>,
    ) -> StoreResult<T> {
        let mode = self.mode;
        self.read(|connection| match mode {
            Mode::Write => statements(connection),
            _ => Err(DbError::unavailable("write in a read-only transaction")),
        })
    }

    /// Runs one statement that only reads, in a transaction or as one.
    pub(crate) fn read_single<T>(
        &mut self,
        statement: impl FnOnce(&mut AnyConnection) -> Result<T, DbError>,
    ) -> StoreResult<T> {
        let is_second = self.mode.is_single() && self.is_used;
        self.is_used = true;
        self.run(|connection| {
            if is_second {
                return Err(DbError::unavailable("a second statement without a transaction"));
            }
            statement(connection)
        })
    }

    /// Runs one statement that writes, in a transaction or as one.
    pub(crate) fn write_single<T>(
        &mut self,
        statement: impl FnOnce(&mut AnyConnection) -> Result<T, DbError>,
    ) -> StoreResult<T> {
        let mode = self.mode;
        self.read_single(|connection| match mode {
            Mode::Write | Mode::WriteSingle => statement(connection),
            Mode::Read | Mode::ReadSingle => Err(DbError::unavailable("write in a read-only transaction")),
        })
    }

    fn run<T>(
        &mut self,
        statements: impl FnOnce(&mut AnyConnection) -> Result<T, DbError>,
    ) -> StoreResult<T> {
        if let Some(error) = &self.error {
            return Err(error.error.clone());
        }
        statements(self.connection).map_err(|error| self.error.insert(error).error.clone())
    }
}

/// Whether a conditional statement on one row found it and its condition was met.
pub(crate) fn affected(rows: QueryResult<usize>) -> Result<bool, DbError> {
    Ok(rows? > 0)
}
