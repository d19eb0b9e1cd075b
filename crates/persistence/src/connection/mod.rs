//! Connections to SQLite and PostgreSQL: the database URL, how a connection is set up, and the pool.

mod any_connection;
pub(crate) mod pool;
pub(crate) mod postgres_url;
pub(crate) mod url;

pub(crate) use any_connection::{AnyConnection, ConnectError, connect, on_either};
