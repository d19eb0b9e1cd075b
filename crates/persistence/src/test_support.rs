//! Databases that exist for one test.
//!
//! PostgreSQL is tested where `DOORWARD_TEST_POSTGRES_URL` names a server and a role that may create databases; where it
//! does not, a test says that it was not run. `DOORWARD_REQUIRE_POSTGRES` makes that a failure, for the machine that
//! decides about a release.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "this module is only ever part of a test, where a panic is a failed test"
)]

use core::time::Duration;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::prelude::*;
use tempfile::TempDir;

use doorward_domain::audit::Event;

use crate::audit::events::EventRow;
use crate::connection::{AnyConnection, connect};
use crate::schema::events;
use crate::{Database, DatabaseSettings, DatabaseUrl, migrate};

/// Names the PostgreSQL server for tests.
pub const POSTGRES_URL: &str = "DOORWARD_TEST_POSTGRES_URL";

/// Set to anything, has tests fail that have no PostgreSQL.
pub const REQUIRE_POSTGRES: &str = "DOORWARD_REQUIRE_POSTGRES";

/// How long tests wait for a lock or a connection.
const PATIENCE: Duration = Duration::from_secs(20);

/// An empty database, gone when this is dropped.
pub struct TestDatabase {
    url: String,
    keeper: Keeper,
}

enum Keeper {
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
            keeper: Keeper::Folder(folder),
        }
    }

    /// A `PostgreSQL` database on the server that the environment names. Where it names none, says so past the capture of
    /// the test harness and gives `None`, or panics if `DOORWARD_REQUIRE_POSTGRES` is set.
    pub fn postgres() -> Option<Self> {
        let found = Self::try_postgres();
        if let Err(reason) = &found {
            assert!(
                std::env::var_os(REQUIRE_POSTGRES).is_none(),
                "{REQUIRE_POSTGRES} is set: {reason}"
            );
            // A standard error that is closed must not fail the test.
            let _ = writeln!(std::io::stderr(), "not run: {reason}");
        }
        found.ok()
    }

    /// A `PostgreSQL` database on the server that the environment names, or why there is none.
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
            keeper: Keeper::Server { url: server, name },
        })
    }

    /// Its address, as it would be configured.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its address, parsed.
    pub fn parsed_url(&self) -> DatabaseUrl {
        DatabaseUrl::parse(&self.url).expect("the address of a test database")
    }

    /// The folder of a SQLite database.
    pub fn folder(&self) -> Option<&Path> {
        match &self.keeper {
            Keeper::Folder(folder) => Some(folder.path()),
            Keeper::Server { .. } => None,
        }
    }

    /// Settings for a store on it that suit a test.
    pub fn settings(&self) -> DatabaseSettings {
        DatabaseSettings {
            url: self.parsed_url(),
            max_connections: 8,
            acquire_timeout: PATIENCE,
        }
    }

    /// Migrates it and opens a store on it.
    pub fn open(&self) -> Database {
        migrate(&self.parsed_url()).expect("migrations");
        Database::open(&self.settings()).expect("a database that was just migrated")
    }

    /// Everything in the audit log, in order of id.
    pub fn events(&self) -> Vec<Event> {
        let rows: Vec<EventRow> = events::table
            .order(events::id)
            .select(EventRow::as_select())
            .load(&mut connection(&self.parsed_url()))
            .expect("the audit log");
        rows.into_iter()
            .map(|row| {
                Event::try_from(row)
                    .map_err(|failure| failure.error)
                    .expect("an event")
            })
            .collect()
    }

    /// Ends every connection to a `PostgreSQL` database and has it refuse others, until [`come_back`](Self::come_back).
    pub fn go_away(&self) {
        let (url, name) = self.on_server();
        execute(url, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
        let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname";
        execute(url, &format!("{terminate} = '{name}'"));
    }

    /// Has a database accept connections again.
    pub fn come_back(&self) {
        let (url, name) = self.on_server();
        execute(url, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
    }

    fn on_server(&self) -> (&DatabaseUrl, &str) {
        match &self.keeper {
            Keeper::Server { url, name } => (url, name),
            Keeper::Folder(_) => panic!("a database in a folder has no server that could refuse"),
        }
    }

    /// Runs SQL on a connection of its own, and gives the number of rows it changed.
    pub fn execute(&self, sql: &str) -> usize {
        execute(&self.parsed_url(), sql)
    }

    /// The one number that a query gives in a column named `answer`.
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
        if let Keeper::Server { url, name } = &self.keeper {
            execute(url, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

/// The address of another database on the same server.
fn in_database(server: &str, name: &str) -> String {
    let (address, query) = server
        .split_once('?')
        .map_or((server, String::new()), |(a, q)| (a, format!("?{q}")));
    let (scheme, rest) = address
        .split_once("://")
        .unwrap_or_else(|| panic!("{POSTGRES_URL} is not an address"));
    let authority = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{authority}/{name}{query}")
}

fn connection(url: &DatabaseUrl) -> AnyConnection {
    connect(url, PATIENCE).expect("a connection to the test database")
}

fn execute(url: &DatabaseUrl, sql: &str) -> usize {
    diesel::sql_query(sql).execute(&mut connection(url)).expect(sql)
}
