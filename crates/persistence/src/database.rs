//! The store: a pool of connections, and the transactions that run on it.

use core::time::Duration;
use std::thread;

use doorward_domain::ports::{Repositories, StoreError, StoreResult, UnitOfWork, Verdict};

use crate::connection::connect;
use crate::connection::pool::Connections;
use crate::connection::url::{DatabaseUrl, InvalidDatabaseUrl};
use crate::error::Failure;
use crate::migrations::{self, SchemaStatus};
use crate::transaction::Work;
use crate::transaction::{self, Mode};
use crate::write_queue::WriteQueue;

/// How often a transaction that lost to a concurrent one is run before it is given up.
const RUNS: u32 = 3;

/// How long the loser waits before it is run again, each time: run at once, it may be back at the lock before the winner
/// has woken up, and in the same knot as before.
const PAUSE: Duration = Duration::from_millis(20);

/// Where the database is, and how much of it may be used.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// Where it is.
    pub url: DatabaseUrl,
    /// The most connections at a time; each is a transaction that is under way. At least 1.
    pub max_connections: u32,
    /// The longest wait for a connection, for the turn to write and for a lock of another process on SQLite.
    pub acquire_timeout: Duration,
}

/// Why a database cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The settings cannot be right.
    #[error("the database is configured wrongly: {0}")]
    Misconfigured(String),
    /// It does not answer, refuses the connection, or cannot be opened.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// Its schema is not the one that this program was built for.
    #[error("the database's schema differs from the one this version needs: {0}")]
    SchemaDiffers(SchemaStatus),
    /// A migration was refused by the database, and has left nothing behind.
    #[error("the database could not be migrated: {0}")]
    MigrationFailed(String),
}

impl From<InvalidDatabaseUrl> for OpenError {
    fn from(error: InvalidDatabaseUrl) -> Self {
        Self::Misconfigured(error.to_string())
    }
}

/// An open database. Threads share it by reference.
pub struct Database {
    connections: Connections,
    /// Orders the writing transactions of this process; on SQLite only.
    gate: Option<WriteQueue>,
    patience: Duration,
    /// Version and name of every migration, in order.
    migrations: Vec<(String, String)>,
}

impl Database {
    /// Opens a database whose schema is current; see [`migrate`](crate::migrate).
    ///
    /// A SQLite file that is not there is made, readable by its owner only, but the folder it is in is not.
    pub fn open(settings: &DatabaseSettings) -> Result<Self, OpenError> {
        if settings.max_connections == 0 {
            return Err(OpenError::Misconfigured(
                "at least one connection is needed".to_owned(),
            ));
        }
        if settings.acquire_timeout.is_zero() {
            return Err(OpenError::Misconfigured(
                "the wait for a connection cannot be zero".to_owned(),
            ));
        }
        // By hand, for an error that says why; the pool would only say that it has waited.
        let mut connection = connect(&settings.url, settings.acquire_timeout)
            .map_err(|error| OpenError::Unreachable(error.0))?;
        let status = migrations::status(&mut connection)
            .map_err(|error| OpenError::Unreachable(Failure::from(error).error.to_string()))?;
        if !status.is_current() {
            return Err(OpenError::SchemaDiffers(status));
        }
        Ok(Self {
            connections: Connections::new(&settings.url, settings.max_connections, settings.acquire_timeout),
            gate: settings.url.is_sqlite().then(WriteQueue::default),
            patience: settings.acquire_timeout,
            migrations: migrations::known(&connection),
        })
    }

    /// Runs `work` once, in one transaction, and ends it as `work` says unless a statement has failed.
    fn run(&self, mode: Mode, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> Result<(), Failure> {
        let (mut kept, ()) = self
            .connections
            .get_live(|connection| transaction::begin(connection, mode))?;
        let mut open = Work::new(&mut kept.connection, mode);
        let verdict = work(&mut open);
        match (open.into_failure(), verdict) {
            (None, Verdict::Commit) => transaction::commit(&mut kept.connection).map_err(Failure::from),
            (Some(failure), verdict) if failure.again || verdict == Verdict::Commit => {
                transaction::roll_back(&mut kept.connection);
                Err(failure)
            }
            // Also after a failure that is final: `work` was told of it, and has the last word.
            (_, _) => {
                transaction::roll_back(&mut kept.connection);
                Ok(())
            }
        }
    }

    /// Runs `work` again if the database asks for it.
    fn run_persistently(
        &self,
        mode: Mode,
        work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict,
    ) -> StoreResult<()> {
        let mut runs = 1;
        loop {
            match self.run(mode, work) {
                Err(failure) if failure.again && runs < RUNS => thread::sleep(PAUSE * runs),
                result => return result.map_err(StoreError::from),
            }
            runs += 1;
        }
    }
}

impl UnitOfWork for Database {
    fn write(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        let _turn = match &self.gate {
            None => None,
            Some(gate) => Some(gate.enter(self.patience).ok_or_else(|| {
                StoreError::Unavailable("too many transactions are waiting to write".to_owned())
            })?),
        };
        self.run_persistently(Mode::Write, work)
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        // There is nothing to commit, and an error of ending it would be one of a reading that has succeeded.
        self.run_persistently(Mode::Read, &mut |repositories| {
            work(repositories);
            Verdict::RollBack
        })
    }

    fn check(&self) -> StoreResult<()> {
        let (_, applied) = self.connections.get_live(migrations::applied)?;
        let status = migrations::compare(&self.migrations, &applied);
        if status.is_current() {
            Ok(())
        } else {
            Err(StoreError::Unavailable(status.to_string()))
        }
    }
}

impl core::fmt::Debug for Database {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Database")
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}
