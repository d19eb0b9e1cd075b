//! Connections to SQLite and PostgreSQL: the database URL, how a connection is set up, and the pool.

pub(crate) mod any_connection;
mod percent;
mod pool;
mod postgres_url;
mod server_clock;
mod url;

pub(crate) use any_connection::{AnyConnection, check_encoding, connect, on_either};
pub(crate) use pool::ConnectionPool;
pub(crate) use postgres_url::local_timeouts;
pub(crate) use server_clock::{ServerClock, clock_timestamp};
pub use url::DatabaseUrl;
