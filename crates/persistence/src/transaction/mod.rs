//! An open transaction, and how it begins and ends.

mod control;
mod delete_batch;
mod statement;

pub(crate) use control::{Mode, begin, commit, roll_back};
pub(crate) use delete_batch::{Expiring, delete_batch};
pub(crate) use statement::{Statement, Value};

use diesel::result::QueryResult;

use doorward_domain::store_error::StoreResult;

use crate::connection::AnyConnection;
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
    mode: Mode,
    error: Option<DbError>,
}

impl<'c> Transaction<'c> {
    /// Wraps a connection on which a transaction of that mode has begun.
    pub(crate) fn new(connection: &'c mut AnyConnection, mode: Mode) -> Self {
        Self {
            connection,
            mode,
            error: None,
        }
    }

    /// The first error of the transaction, if there was one.
    pub(crate) fn into_error(self) -> Option<DbError> {
        self.error
    }

    /// Runs statements that only read.
    pub(crate) fn read<T>(
        &mut self,
        statements: impl FnOnce(&mut AnyConnection) -> Result<T, DbError>,
    ) -> StoreResult<T> {
        if let Some(error) = &self.error {
            return Err(error.error.clone());
        }
        statements(self.connection).map_err(|error| self.error.insert(error).error.clone())
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
            Mode::Read => Err(DbError::unavailable("write in a read-only transaction")),
        })
    }
}

/// Whether a conditional statement on one row found it and its condition was met.
pub(crate) fn affected(rows: QueryResult<usize>) -> Result<bool, DbError> {
    Ok(rows? > 0)
}
