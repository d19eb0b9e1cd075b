//! One open transaction, as the repositories see it.

mod control;

use diesel::result::QueryResult;

use doorward_domain::ports::{
    AttemptRepository, EventLog, KeyRepository, NetworkRepository, Repositories, RevocationLog,
    SessionRepository, SetupRepository, StoreResult, Sweeping, UserRepository,
};

use crate::connection::AnyConnection;
use crate::error::Failure;
pub(crate) use control::{Mode, begin, commit, roll_back};

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

impl Repositories for Work<'_> {
    fn users(&mut self) -> &mut dyn UserRepository {
        self
    }

    fn sessions(&mut self) -> &mut dyn SessionRepository {
        self
    }

    fn attempts(&mut self) -> &mut dyn AttemptRepository {
        self
    }

    fn networks(&mut self) -> &mut dyn NetworkRepository {
        self
    }

    fn events(&mut self) -> &mut dyn EventLog {
        self
    }

    fn revocations(&mut self) -> &mut dyn RevocationLog {
        self
    }

    fn keys(&mut self) -> &mut dyn KeyRepository {
        self
    }

    fn sweeping(&mut self) -> &mut dyn Sweeping {
        self
    }

    fn setup(&mut self) -> &mut dyn SetupRepository {
        self
    }
}

/// Whether the one row that a conditional statement aims at was there and met the condition.
pub(crate) fn hit(rows: QueryResult<usize>) -> Result<bool, Failure> {
    Ok(rows? > 0)
}
