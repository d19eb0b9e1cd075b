//! The databases of a benchmark, and connections to them without Doorward's code.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::BenchResult;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// A connection without Doorward's settings, queue and schema.
pub(crate) enum PlainConnection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

#[derive(QueryableByName)]
struct NumberRow {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Text)]
    value: String,
}

impl PlainConnection {
    /// Connects. SQLite gets the same durability settings as in Doorward.
    pub(crate) fn connect(url: &str) -> BenchResult<Self> {
        match url.strip_prefix("sqlite://") {
            Some(path) => {
                let mut connection = SqliteConnection::establish(path)?;
                connection.batch_execute(
                    "PRAGMA busy_timeout = 20000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                     PRAGMA foreign_keys = ON;",
                )?;
                Ok(Self::Sqlite(connection))
            }
            None => Ok(Self::Postgres(PgConnection::establish(url)?)),
        }
    }

    /// Runs SQL statements in one round trip.
    pub(crate) fn execute(&mut self, sql: &str) -> BenchResult<()> {
        match self {
            Self::Sqlite(connection) => connection.batch_execute(sql)?,
            Self::Postgres(connection) => connection.batch_execute(sql)?,
        }
        Ok(())
    }

    /// Returns the column `value` of a query with one row.
    pub(crate) fn number(&mut self, sql: &str) -> BenchResult<i64> {
        let query = diesel::sql_query(sql);
        let row: NumberRow = match self {
            Self::Sqlite(connection) => query.get_result(connection)?,
            Self::Postgres(connection) => query.get_result(connection)?,
        };
        Ok(row.value)
    }

    /// Returns the column `value` of a query with one row.
    pub(crate) fn text(&mut self, sql: &str) -> BenchResult<String> {
        let query = diesel::sql_query(sql);
        let row: TextRow = match self {
            Self::Sqlite(connection) => query.get_result(connection)?,
            Self::Postgres(connection) => query.get_result(connection)?,
        };
        Ok(row.value)
    }

    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Sqlite(_) => Kind::Sqlite,
            Self::Postgres(_) => Kind::Postgres,
        }
    }

    pub(crate) fn version(&mut self) -> BenchResult<String> {
        let sql = match self {
            Self::Sqlite(_) => "SELECT 'SQLite ' || sqlite_version() AS value",
            Self::Postgres(_) => {
                "SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1) AS value"
            }
        };
        self.text(sql)
    }

    /// Bytes written to PostgreSQL's write-ahead log so far.
    pub(crate) fn wal_bytes(&mut self) -> BenchResult<u64> {
        let bytes = self.number("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::BIGINT AS value")?;
        Ok(u64::try_from(bytes)?)
    }
}

/// A database for one run. A PostgreSQL database is dropped with it.
pub(crate) struct BenchDatabase {
    pub(crate) url: String,
    /// The URL of the PostgreSQL server and the name of the database to drop.
    on_server: Option<(String, String)>,
}

impl BenchDatabase {
    /// A SQLite file in `folder`, which the caller removes.
    pub(crate) fn sqlite(folder: &Path) -> Self {
        Self {
            url: format!("sqlite://{}", folder.join("doorward.db").display()),
            on_server: None,
        }
    }

    /// Creates a database on the server of this URL, whose path is the name of an existing database.
    pub(crate) fn postgres(server: &str, name: &str) -> BenchResult<Self> {
        let name = format!("doorward_bench_{}_{name}", std::process::id());
        let (authority, _) = server.rsplit_once('/').ok_or("the URL has no database name")?;
        PlainConnection::connect(server)?.execute(&format!("CREATE DATABASE {name}"))?;
        Ok(Self {
            url: format!("{authority}/{name}"),
            on_server: Some((server.to_owned(), name)),
        })
    }
}

impl Drop for BenchDatabase {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.on_server
            && let Ok(mut connection) = PlainConnection::connect(server)
        {
            let _ = connection.execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}
