//! Databases for tests: each exists for one test.
//!
//! Tests run on PostgreSQL if `DOORWARD_TEST_POSTGRES_URL` names a server and a role that may create databases. Otherwise
//! they report that they were not run, or fail if `DOORWARD_REQUIRE_POSTGRES` is set, as it is where releases are tested.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "only tests use this module, and a panic fails the test"
)]

use core::time::Duration;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tempfile::TempDir;

use doorward_domain::audit::Event;

use crate::audit::events::EventRow;
use crate::connection::{AnyConnection, DatabaseUrl, connect};
use crate::database::{Database, DatabaseSettings};
use crate::migrations::migrate;
use crate::schema::events;

/// The environment variable with the URL of the `PostgreSQL` server for tests.
pub const POSTGRES_URL: &str = "DOORWARD_TEST_POSTGRES_URL";

/// The environment variable that, set to any value, makes tests fail if there is no `PostgreSQL` server.
pub const REQUIRE_POSTGRES: &str = "DOORWARD_REQUIRE_POSTGRES";

/// The longest wait of a test for a lock or a connection.
const TIMEOUT: Duration = Duration::from_secs(20);

/// An empty database that is deleted on drop.
pub struct TestDatabase {
    url: String,
    storage: Storage,
}

enum Storage {
    Folder(TempDir),
    Server { url: DatabaseUrl, name: String },
}

impl TestDatabase {
    /// A SQLite database in a folder of its own.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("doorward.db").display());
        Self {
            url,
            storage: Storage::Folder(folder),
        }
    }

    /// A `PostgreSQL` database on the server that the environment names. Without a server, reports that on standard error
    /// (not captured by the test harness) and returns `None`, or panics if `DOORWARD_REQUIRE_POSTGRES` is set.
    pub fn postgres() -> Option<Self> {
        let database = Self::try_postgres();
        if let Err(reason) = &database {
            assert!(
                std::env::var_os(REQUIRE_POSTGRES).is_none(),
                "{REQUIRE_POSTGRES} is set: {reason}"
            );
            // A closed standard error must not fail the test.
            let _ = writeln!(std::io::stderr(), "not run: {reason}");
        }
        database.ok()
    }

    /// A `PostgreSQL` database on the server that the environment names, or the reason why there is none.
    pub fn try_postgres() -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var(POSTGRES_URL) else {
            return Err(format!("no PostgreSQL server: {POSTGRES_URL} is not set"));
        };
        let name = format!(
            "doorward_test_{}_{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let url = in_database(&server, &name);
        let server = DatabaseUrl::parse(&server).expect(POSTGRES_URL);
        execute(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        execute(&server, &format!("CREATE DATABASE {name} TEMPLATE template0"));
        Ok(Self {
            url,
            storage: Storage::Server { url: server, name },
        })
    }

    /// The database URL as it would be configured.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The parsed database URL.
    pub fn parsed_url(&self) -> DatabaseUrl {
        DatabaseUrl::parse(&self.url).expect("a valid test database URL")
    }

    /// The folder of a SQLite database; `None` for `PostgreSQL`.
    pub fn folder(&self) -> Option<&Path> {
        match &self.storage {
            Storage::Folder(folder) => Some(folder.path()),
            Storage::Server { .. } => None,
        }
    }

    /// Settings that suit a test.
    pub fn settings(&self) -> DatabaseSettings {
        DatabaseSettings {
            url: self.parsed_url(),
            max_connections: 8,
            acquire_timeout: TIMEOUT,
        }
    }

    /// Applies the migrations and opens the database.
    pub fn open(&self) -> Database {
        migrate(&self.parsed_url()).expect("migrations");
        Database::open(&self.settings()).expect("a migrated database")
    }

    /// All events in the audit log, in ascending order of id.
    pub fn events(&self) -> Vec<Event> {
        let rows: Vec<EventRow> = events::table
            .order(events::id)
            .select(EventRow::as_select())
            .load(&mut connection(&self.parsed_url()))
            .expect("the audit log");
        rows.into_iter()
            .map(|row| {
                Event::try_from(row)
                    .map_err(|error| error.error)
                    .expect("an event")
            })
            .collect()
    }

    /// Closes every connection to a `PostgreSQL` database and refuses new ones until
    /// [`accept_connections`](Self::accept_connections).
    pub fn refuse_connections(&self) {
        let (url, name) = self.on_server();
        execute(url, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
        let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname";
        execute(url, &format!("{terminate} = '{name}'"));
    }

    /// Accepts connections again.
    pub fn accept_connections(&self) {
        let (url, name) = self.on_server();
        execute(url, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
    }

    fn on_server(&self) -> (&DatabaseUrl, &str) {
        match &self.storage {
            Storage::Server { url, name } => (url, name),
            Storage::Folder(_) => panic!("a SQLite database has no server that could refuse connections"),
        }
    }

    /// Runs SQL on a separate connection and returns the number of affected rows.
    pub fn execute(&self, sql: &str) -> usize {
        execute(&self.parsed_url(), sql)
    }

    /// Runs a query that returns one row with a column `answer`, and returns that number.
    pub fn number(&self, sql: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Answer {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            answer: i64,
        }
        let row: Answer = diesel::sql_query(sql)
            .get_result(&mut connection(&self.parsed_url()))
            .expect(sql);
        row.answer
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Storage::Server { url, name } = &self.storage {
            execute(url, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

/// The URL of another database on the same server.
fn in_database(server: &str, name: &str) -> String {
    let (location, query) = server
        .split_once('?')
        .map_or((server, String::new()), |(a, q)| (a, format!("?{q}")));
    let (scheme, rest) = location
        .split_once("://")
        .unwrap_or_else(|| panic!("{POSTGRES_URL} is not a URL"));
    let authority = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{authority}/{name}{query}")
}

fn connection(url: &DatabaseUrl) -> AnyConnection {
    connect(url, TIMEOUT).expect("a connection to the test database")
}

/// A connection for statements that may take long on a busy machine, such as the creation of a database.
fn patient_connection(url: &DatabaseUrl) -> AnyConnection {
    let mut connection = connection(url);
    if let AnyConnection::Postgres(connection) = &mut connection {
        connection
            .batch_execute("SET statement_timeout = 0")
            .expect("no timeout");
    }
    connection
}

fn execute(url: &DatabaseUrl, sql: &str) -> usize {
    diesel::sql_query(sql)
        .execute(&mut patient_connection(url))
        .expect(sql)
}
