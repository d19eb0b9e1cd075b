//! Doorward's store: Diesel over SQLite and PostgreSQL.
//!
//! A [`Database`] implements the domain's [`UnitOfWork`](doorward_domain::store::UnitOfWork) with a pool of connections.
//! A transaction holds one connection while it lasts, and implements the domain's repositories. Both databases share one
//! schema and one set of queries: ids are text and instants are microseconds. Where the two differ, the code matches on the
//! connection. `docs/decisions/0003-one-set-of-queries.md` gives the reasons.
//!
//! This crate does not log. Errors name what failed, and contain neither a value that was written or read nor the password
//! in the database URL.
//!
//! ```no_run
//! use core::time::Duration;
//!
//! use doorward_domain::store::UnitOfWork;
//! use doorward_persistence::{Database, DatabaseSettings, DatabaseUrl, OpenError, migrate};
//!
//! let url = DatabaseUrl::parse("sqlite://data/doorward.db")?;
//! migrate(&url)?;
//! let settings = DatabaseSettings { url, max_connections: 8, acquire_timeout: Duration::from_secs(2) };
//! let database = Database::open(&settings)?;
//! assert_eq!(database.check(), Ok(()));
//! # Ok::<(), OpenError>(())
//! ```

mod account;
mod attempt;
mod audit;
mod column;
mod connection;
mod database;
mod error;
mod job;
mod key;
mod locks;
mod mail;
mod migrations;
mod password;
mod schema;
mod session;
mod setup;
#[cfg(feature = "test-support")]
pub mod test_support;
mod transaction;
mod write_queue;

pub use connection::DatabaseUrl;
pub use database::{Database, DatabaseSettings};
pub use error::{InvalidDatabaseUrl, OpenError};
pub use migrations::{migrate, schema_status};
pub use schema::SchemaStatus;

// Diesel links to these libraries. They are named here because their features decide which library is built in.
use libsqlite3_sys as _;
#[cfg(feature = "postgres-tls")]
use openssl_sys as _;
use pq_sys as _;
