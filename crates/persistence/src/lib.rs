//! Doorward's store: Diesel over SQLite and PostgreSQL.
//!
//! A [`Database`] is the domain's [`UnitOfWork`](doorward_domain::ports::UnitOfWork). It is made of a pool of connections;
//! a transaction is one connection for as long as it lasts, and the domain's repositories are implemented for it. There
//! is one schema and one set of queries for both databases: ids are text, instants are microseconds, and what one of the
//! two does in its own way stands in a `match` where it matters. Why it is done so is told in
//! `docs/decisions/0003-one-set-of-queries.md`.
//!
//! Nothing here logs. What goes wrong is in the error, and no error repeats a value that was written or read, nor the
//! password in the database's address.
//!
//! ```no_run
//! use core::time::Duration;
//!
//! use doorward_domain::ports::UnitOfWork;
//! use doorward_persistence::{Database, DatabaseSettings, DatabaseUrl, OpenError, migrate};
//!
//! let url = DatabaseUrl::parse("sqlite://data/doorward.db")?;
//! migrate(&url)?;
//! let settings = DatabaseSettings { url, max_connections: 8, acquire_timeout: Duration::from_secs(2) };
//! let database = Database::open(&settings)?;
//! assert_eq!(database.check(), Ok(()));
//! # Ok::<(), OpenError>(())
//! ```

#[cfg(feature = "test-support")]
pub mod test_support;

mod account;
mod attempt;
mod audit;
mod column;
mod connection;
mod database;
mod error;
mod key;
mod locks;
mod migrations;
mod schema;
mod session;
mod setup;
mod sweeping;
mod transaction;
mod write_queue;

pub use connection::url::{DatabaseUrl, InvalidDatabaseUrl};
pub use database::{Database, DatabaseSettings, OpenError};
pub use migrations::{SchemaStatus, migrate, schema_status};

// Diesel links to these by name; they are named here for their features, which choose the libraries that are built in.
use libsqlite3_sys as _;
#[cfg(feature = "postgres-tls")]
use openssl_sys as _;
use pq_sys as _;
