//! The connections of one store, kept by r2d2.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::QueryResult;
use diesel::r2d2::{ManageConnection, NopErrorHandler, Pool, PooledConnection, R2D2Connection};

use crate::connection::url::DatabaseUrl;
use crate::connection::{AnyConnection, ConnectError, connect};
use crate::error::Failure;

/// How long to wait for a connection while none can be made: long enough for one that is just being made, short enough
/// for an outage not to fill every queue in front of the store.
const PATIENCE_IN_OUTAGE: Duration = Duration::from_millis(100);

/// How many connections to a server are kept ready for when they are needed.
const IDLE_AT_SERVER: u32 = 2;

/// A pool of connections that fills itself in the background, also after an outage.
pub(crate) struct Connections {
    pool: Pool<Manager>,
    failing: Arc<AtomicBool>,
    patience: Duration,
}

impl Connections {
    /// At most `size` connections, each waited for no longer than `patience`.
    pub(crate) fn new(url: &DatabaseUrl, size: u32, patience: Duration) -> Self {
        let failing = Arc::new(AtomicBool::new(false));
        let manager = Manager {
            url: url.clone(),
            patience,
            failing: Arc::clone(&failing),
        };
        let mut builder = Pool::builder()
            .max_size(size)
            .connection_timeout(patience)
            // Testing would cost each transaction a round trip; `get_live` does without.
            .test_on_check_out(false)
            // The reason of a failed connection comes with the error of whoever waited for it.
            .error_handler(Box::new(NopErrorHandler));
        builder = if url.is_sqlite() {
            // A file does not go away or fail over: reopening it would only lose its cache.
            builder.idle_timeout(None).max_lifetime(None)
        } else {
            // A server has so many connections for all its clients: those that are not needed are not taken.
            builder.min_idle(Some(size.min(IDLE_AT_SERVER)))
        };
        Self {
            pool: builder.build_unchecked(manager),
            failing,
            patience,
        }
    }

    /// A connection on which `first` succeeded, and what it gave.
    ///
    /// After a restart of the database every connection that the pool kept is lost, which shows at its next use. Such a
    /// one is closed and another taken, until one works or no new one can be made.
    pub(crate) fn get_live<T>(
        &self,
        mut first: impl FnMut(&mut AnyConnection) -> QueryResult<T>,
    ) -> Result<(PooledConnection<Manager>, T), Failure> {
        let mut failure = Failure::unavailable("there is no connection");
        for _ in 0..=self.pool.max_size() {
            let mut kept = self.get()?;
            match first(&mut kept.connection) {
                Ok(value) => return Ok((kept, value)),
                Err(error) => {
                    kept.lost = is_loss(&error) || kept.connection.is_broken();
                    failure = error.into();
                    if !kept.lost {
                        break;
                    }
                }
            }
        }
        Err(failure)
    }

    fn get(&self) -> Result<PooledConnection<Manager>, Failure> {
        let in_outage = self.failing.load(Ordering::Relaxed) && self.pool.state().connections == 0;
        let patience = if in_outage {
            self.patience.min(PATIENCE_IN_OUTAGE)
        } else {
            self.patience
        };
        self.pool
            .get_timeout(patience)
            .map_err(|error| Failure::unavailable(error.to_string()))
    }
}

impl core::fmt::Debug for Connections {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.pool.state().fmt(f)
    }
}

/// A connection in the pool.
pub(crate) struct Kept {
    pub(crate) connection: AnyConnection,
    /// Whether a statement outside of any transaction has found the connection lost, which Diesel does not note.
    lost: bool,
}

/// Whether an error says that there is nobody at the other end.
fn is_loss(error: &diesel::result::Error) -> bool {
    use diesel::result::{DatabaseErrorKind, Error};
    matches!(
        error,
        Error::DatabaseError(
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
            _
        )
    )
}

/// Makes connections for the pool, and knows which are beyond repair.
///
/// Diesel's own manager would try the address on SQLite first, whatever its scheme, and swallow the reason of a failure.
pub(crate) struct Manager {
    url: DatabaseUrl,
    patience: Duration,
    /// Whether the latest attempt to connect failed.
    failing: Arc<AtomicBool>,
}

impl ManageConnection for Manager {
    type Connection = Kept;
    type Error = ConnectError;

    fn connect(&self) -> Result<Kept, ConnectError> {
        let connection = connect(&self.url, self.patience);
        self.failing.store(connection.is_err(), Ordering::Relaxed);
        connection.map(|connection| Kept {
            connection,
            lost: false,
        })
    }

    fn is_valid(&self, kept: &mut Kept) -> Result<(), ConnectError> {
        kept.connection
            .ping()
            .map_err(|error| ConnectError(error.to_string()))
    }

    /// Whether the connection is lost, or was left inside a transaction, as by a panic.
    fn has_broken(&self, kept: &mut Kept) -> bool {
        kept.lost || kept.connection.is_broken()
    }
}
