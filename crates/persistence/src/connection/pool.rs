//! The connection pool of one database, on top of r2d2.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::r2d2::{ManageConnection, NopErrorHandler, Pool, PooledConnection, R2D2Connection};

use crate::error::{ConnectError, DbError};

use super::any_connection::{AnyConnection, connect};
use super::url::DatabaseUrl;

/// The longest wait for a connection during an outage: long enough for one that is being made, short enough that the
/// queues in front of the store do not fill up.
const ACQUIRE_TIMEOUT_IN_OUTAGE: Duration = Duration::from_millis(100);

/// How many idle connections to a PostgreSQL server are pooled open.
const MIN_IDLE: u32 = 2;

/// A pool that opens connections in the background, also after an outage.
pub(crate) struct ConnectionPool {
    pool: Pool<ConnectionManager>,
    failing: Arc<AtomicBool>,
    acquire_timeout: Duration,
}

impl ConnectionPool {
    /// At most `size` connections. Waiting for one takes no longer than `acquire_timeout`.
    pub(crate) fn new(url: &DatabaseUrl, size: u32, acquire_timeout: Duration) -> Self {
        let failing = Arc::new(AtomicBool::new(false));
        let manager = ConnectionManager {
            url: url.clone(),
            acquire_timeout,
            failing: Arc::clone(&failing),
        };
        let mut builder = Pool::builder()
            .max_size(size)
            .connection_timeout(acquire_timeout)
            // A test would cost each transaction a round trip; `get_live` needs none.
            .test_on_check_out(false)
            // The reason of a failed attempt is in the error of the caller that waited for it.
            .error_handler(Box::new(NopErrorHandler));
        builder = if url.is_sqlite() {
            // A file does not fail over; reopening it would only lose the cache.
            builder.idle_timeout(None).max_lifetime(None)
        } else {
            // A server has a limited number of connections for all its clients: do not hold unused ones.
            builder.min_idle(Some(size.min(MIN_IDLE)))
        };
        Self {
            pool: builder.build_unchecked(manager),
            failing,
            acquire_timeout,
        }
    }

    /// Returns a connection on which `first` succeeded, and the value of `first`.
    ///
    /// After a restart of the database every pooled connection is lost, which shows at its next use. A lost one is closed
    /// and another one taken, until one works or no new one can be made.
    pub(crate) fn get_live<T>(
        &self,
        mut first: impl FnMut(&mut AnyConnection) -> Result<T, DbError>,
    ) -> Result<(PooledConnection<ConnectionManager>, T), DbError> {
        let mut last_error = DbError::unavailable("no connection available");
        for _ in 0..=self.pool.max_size() {
            let mut pooled = self.get()?;
            match first(&mut pooled.connection) {
                Ok(value) => return Ok((pooled, value)),
                Err(error) => {
                    pooled.lost = error.is_loss || pooled.connection.is_broken();
                    last_error = error;
                    if !pooled.lost {
                        break;
                    }
                }
            }
        }
        Err(last_error)
    }

    fn get(&self) -> Result<PooledConnection<ConnectionManager>, DbError> {
        let in_outage = self.failing.load(Ordering::Relaxed) && self.pool.state().connections == 0;
        let timeout = if in_outage {
            self.acquire_timeout.min(ACQUIRE_TIMEOUT_IN_OUTAGE)
        } else {
            self.acquire_timeout
        };
        self.pool
            .get_timeout(timeout)
            .map_err(|error| DbError::unavailable(error.to_string()))
    }
}

impl core::fmt::Debug for ConnectionPool {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.pool.state().fmt(f)
    }
}

pub(crate) struct Pooled {
    pub(crate) connection: AnyConnection,
    /// Whether a statement outside of a transaction found the connection lost, which Diesel does not record.
    lost: bool,
}

/// Opens connections for the pool, and decides which ones it closes.
///
/// Diesel's own manager would try the URL on SQLite first, whatever its scheme, and discard the reason of a failure.
pub(crate) struct ConnectionManager {
    url: DatabaseUrl,
    acquire_timeout: Duration,
    /// Whether the latest connection attempt failed.
    failing: Arc<AtomicBool>,
}

impl ManageConnection for ConnectionManager {
    type Connection = Pooled;
    type Error = ConnectError;

    fn connect(&self) -> Result<Pooled, ConnectError> {
        let connection = connect(&self.url, self.acquire_timeout);
        self.failing.store(connection.is_err(), Ordering::Relaxed);
        connection.map(|connection| Pooled {
            connection,
            lost: false,
        })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), ConnectError> {
        pooled
            .connection
            .ping()
            .map_err(|error| ConnectError(error.to_string()))
    }

    /// Whether the connection is lost or was left inside a transaction, for example by a panic.
    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        pooled.lost || pooled.connection.is_broken()
    }
}
