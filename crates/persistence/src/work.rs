//! One open transaction, as the repositories see it.

use diesel::result::QueryResult;

use doorward_domain::store_error::StoreResult;

use crate::connection::AnyConnection;
use crate::failure::Failure;
use crate::transaction::Mode;

/// An open transaction. Each repository is implemented for it in a file of its own.
///
/// Once a statement has failed no other is run, and the transaction can only be rolled back. PostgreSQL has it so, and
/// would even answer a `COMMIT` without an error; what a use case overlooks must not depend on the database.
pub(crate) struct Work<'c> {
    connection: &'c mut AnyConnection,
    mode: Mode,
    failure: Option<Failure>,
}

impl<'c> Work<'c> {
    pub(crate) fn new(connection: &'c mut AnyConnection, mode: Mode) -> Self {
        Self {
            connection,
            mode,
            failure: None,
        }
    }

    /// The first failure of the transaction, if there was one.
    pub(crate) fn into_failure(self) -> Option<Failure> {
        self.failure
    }

    /// Runs statements that only read.
    pub(crate) fn read<T>(
        &mut self,
        statements: impl FnOnce(&mut AnyConnection) -> Result<T, Failure>,
    ) -> StoreResult<T> {
        if let Some(failure) = &self.failure {
            return Err(failure.error.clone());
        }
        statements(self.connection).map_err(|failure| self.failure.insert(failure).error.clone())
    }

    /// Runs statements that write or lock. Refused in a reading transaction on both databases, although SQLite would
    /// allow it.
    pub(crate) fn write<T>(
        &mut self,
        statements: impl FnOnce(&mut AnyConnection) -> Result<T, Failure>,
    ) -> StoreResult<T> {
        let mode = self.mode;
        self.read(|connection| match mode {
            Mode::Write => statements(connection),
            Mode::Read => Err(Failure::unavailable("a reading transaction was asked to write")),
        })
    }
}

/// Whether the one row that a conditional statement aims at was there and met the condition.
pub(crate) fn hit(rows: QueryResult<usize>) -> Result<bool, Failure> {
    Ok(rows? > 0)
}
