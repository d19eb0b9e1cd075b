//! What r2d2 needs to keep connections.

use core::time::Duration;

use diesel::r2d2::{ManageConnection, NopErrorHandler, Pool, R2D2Connection};

use crate::connection::{AnyConnection, ConnectError, connect};
use crate::url::DatabaseUrl;

/// Makes connections for the pool, and knows which are beyond repair.
///
/// Diesel's own manager would try the address on SQLite first, whatever its scheme, and swallow the reason of a failure.
pub(crate) struct Manager {
    url: DatabaseUrl,
    patience: Duration,
}

impl ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = ConnectError;

    fn connect(&self) -> Result<AnyConnection, ConnectError> {
        connect(&self.url, self.patience)
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), ConnectError> {
        connection.ping().map_err(|error| ConnectError(error.to_string()))
    }

    /// Whether the connection is lost, or was left inside a transaction, as by a panic.
    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        connection.is_broken()
    }
}

/// A pool that fills itself in the background.
///
/// A connection is not tested when it is handed out: that would cost each transaction a round trip. A transaction that
/// cannot begin on a lost connection takes another one instead.
pub(crate) fn pool(url: &DatabaseUrl, size: u32, patience: Duration) -> Pool<Manager> {
    let mut builder = Pool::builder()
        .max_size(size)
        .connection_timeout(patience)
        .test_on_check_out(false)
        // The reason of a failed connection comes with the error of whoever waited for it.
        .error_handler(Box::new(NopErrorHandler));
    if url.is_sqlite() {
        // A file does not go away or fail over: reopening it would only lose its cache.
        builder = builder.idle_timeout(None).max_lifetime(None);
    }
    builder.build_unchecked(Manager {
        url: url.clone(),
        patience,
    })
}
