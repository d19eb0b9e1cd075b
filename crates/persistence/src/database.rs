//! The store: runs transactions on a pool of connections.

use core::time::Duration;
use std::thread;

use doorward_domain::store::{Repositories, UnitOfWork, Verdict};
use doorward_domain::store_error::{StoreError, StoreResult};

use crate::connection::{ConnectionPool, DatabaseUrl, ServerClock, check_encoding, connect};
use crate::error::{DbError, OpenError};
use crate::migrations;
use crate::schema::SchemaStatus;
use crate::session::revocations;
use crate::transaction::{self, Mode, Transaction};
use crate::write_queue::WriteQueue;

/// How often a transaction that conflicts with a concurrent one is run in total.
const MAX_RUNS: u32 = 3;

/// The wait before the second run; the third waits twice as long. Without it, the transaction may request the lock
/// before the other one has resumed, and conflict again.
const RETRY_DELAY: Duration = Duration::from_millis(20);

/// Which database to use, and its limits.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// The database.
    pub url: DatabaseUrl,
    /// The maximum number of connections, and so of concurrent transactions. At least 1.
    pub max_connections: u32,
    /// The longest wait for a connection and, on SQLite, for the write queue and for a lock of another process. Not zero.
    pub acquire_timeout: Duration,
}

/// An open database. Threads share it by reference.
pub struct Database {
    pool: ConnectionPool,
    /// Only on SQLite.
    write_queue: Option<WriteQueue>,
    acquire_timeout: Duration,
    /// Knows whether a pooler is between this program and the server, which a later connection may find.
    url: DatabaseUrl,
    /// Only on PostgreSQL is it observed.
    server_clock: ServerClock,
    /// Version and name of every migration, in order.
    migrations: Vec<(String, String)>,
}

impl Database {
    /// Opens a database. Fails unless its schema is current; see [`migrate`](crate::migrations::migrate).
    ///
    /// A missing SQLite file is created, readable by its owner only; a missing folder is an error.
    pub fn open(settings: &DatabaseSettings) -> Result<Self, OpenError> {
        if settings.max_connections == 0 {
            return Err(OpenError::Misconfigured(
                "max_connections must be at least 1".to_owned(),
            ));
        }
        if settings.acquire_timeout.is_zero() {
            return Err(OpenError::Misconfigured(
                "acquire_timeout must not be zero".to_owned(),
            ));
        }
        // Without the pool, whose error would be a timeout instead of the reason.
        let mut connection = connect(&settings.url, settings.acquire_timeout)?;
        check_encoding(&mut connection)?;
        let status = migrations::status(&mut connection)?;
        if !status.is_current() {
            return Err(OpenError::SchemaDiffers(status));
        }
        Ok(Self {
            pool: ConnectionPool::new(&settings.url, settings.max_connections, settings.acquire_timeout),
            write_queue: settings.url.is_sqlite().then(WriteQueue::default),
            acquire_timeout: settings.acquire_timeout,
            url: settings.url.clone(),
            server_clock: ServerClock::default(),
            migrations: migrations::known(&connection),
        })
    }

    /// Makes new revocations visible to instances of the last release, which only see those with a number. To be called a few
    /// times a second while such instances may run. Does nothing on SQLite, where entries have a number at once.
    pub fn number_revocations(&self) -> StoreResult<()> {
        if self.write_queue.is_some() {
            return Ok(());
        }
        let (mut pooled, ()) = self
            .pool
            .get_live(|connection| Ok(transaction::begin(connection, Mode::Write, self.url.is_pooled())?))?;
        let connection = &mut pooled.connection;
        let numbered =
            revocations::number_new(connection).and_then(|()| Ok(transaction::commit(connection)?));
        if numbered.is_err() {
            transaction::roll_back(&mut pooled.connection);
        }
        Ok(numbered?)
    }

    /// Runs `work` once, in one transaction. Ends the transaction with the verdict of `work` unless a statement failed.
    fn run_once(
        &self,
        mode: Mode,
        work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict,
    ) -> Result<(), DbError> {
        if mode.is_statement(self.write_queue.is_some(), self.url.is_pooled()) {
            return self.run_statement(mode, work);
        }
        let (mut pooled, ()) = self
            .pool
            .get_live(|connection| Ok(transaction::begin(connection, mode, self.url.is_pooled())?))?;
        let mut transaction = Transaction::new(&mut pooled.connection, &self.server_clock, mode);
        let verdict = work(&mut transaction);
        match (transaction.into_error(), verdict) {
            (None, Verdict::Commit) => Ok(transaction::commit(&mut pooled.connection)?),
            (Some(error), verdict) if error.retry || verdict == Verdict::Commit => {
                transaction::roll_back(&mut pooled.connection);
                Err(error)
            }
            // After an error without retry too: `work` has received it and decided to roll back.
            (_, _) => {
                transaction::roll_back(&mut pooled.connection);
                Ok(())
            }
        }
    }

    /// Runs `work`, which is one statement, without beginning a transaction; again on another connection if it found that the
    /// first one was lost.
    fn run_statement(
        &self,
        mode: Mode,
        work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict,
    ) -> Result<(), DbError> {
        let (_, error) = self.pool.get_live(|connection| {
            if self.url.is_pooled() {
                // Found by this connection; the next run is a transaction.
                return Err(DbError::conflict("a pooler passes on transactions only"));
            }
            let mut transaction = Transaction::new(connection, &self.server_clock, mode);
            let verdict = work(&mut transaction);
            match (transaction.into_error(), verdict) {
                (Some(error), _) if error.is_loss => Err(error),
                // As in a transaction: `work` has received the error and decided.
                (Some(error), Verdict::RollBack) if !error.retry => Ok(None),
                (error, _) => Ok(error),
            }
        })?;
        error.map_or(Ok(()), Err)
    }

    /// Runs `work`, and reruns it if it conflicts with a concurrent transaction.
    fn run_with_retries(
        &self,
        mode: Mode,
        work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict,
    ) -> StoreResult<()> {
        let mut runs = 1;
        loop {
            match self.run_once(mode, work) {
                Err(error) if error.retry && runs < MAX_RUNS => thread::sleep(RETRY_DELAY * runs),
                result => return result.map_err(StoreError::from),
            }
            runs += 1;
        }
    }

    /// Runs `work` in a mode that writes, on SQLite when it is its turn.
    fn run_writing(
        &self,
        mode: Mode,
        work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict,
    ) -> StoreResult<()> {
        let timed_out = || StoreError::Unavailable("timed out waiting in the write queue".to_owned());
        let _permit = match &self.write_queue {
            None => None,
            Some(queue) => Some(queue.acquire(self.acquire_timeout).ok_or_else(timed_out)?),
        };
        self.run_with_retries(mode, work)
    }

    fn run_reading(&self, mode: Mode, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        // Nothing to commit, and an error of the rollback must not fail a read that succeeded.
        self.run_with_retries(mode, &mut |repositories| {
            work(repositories);
            Verdict::RollBack
        })
    }
}

impl UnitOfWork for Database {
    fn write(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        self.run_writing(Mode::Write, work)
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        self.run_reading(Mode::Read, work)
    }

    fn write_single(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        self.run_writing(Mode::WriteSingle, work)
    }

    fn read_single(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        self.run_reading(Mode::ReadSingle, work)
    }

    fn check(&self) -> StoreResult<()> {
        let (_, applied) = self
            .pool
            .get_live(|connection| Ok(migrations::applied(connection)?))?;
        let status = SchemaStatus::compare(&self.migrations, &applied);
        if !status.is_current() {
            return Err(StoreError::Unavailable(status.to_string()));
        }
        // Fails on a file that is locked or read-only, and on a standby server.
        self.write(&mut |_| Verdict::RollBack)
    }
}

impl core::fmt::Debug for Database {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Database")
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}
