//! The databases a benchmark runs on, and plain connections to them, past everything that is Doorward's.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::Outcome;

/// Which database.
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

/// A connection as any program would have it.
pub(crate) enum Plain {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    answer: i64,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    answer: String,
}

impl Plain {
    /// Connects; to SQLite as durably as Doorward does.
    pub(crate) fn connect(url: &str) -> Outcome<Self> {
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

    /// Runs SQL as it stands, in one round trip.
    pub(crate) fn execute(&mut self, sql: &str) -> Outcome<()> {
        match self {
            Self::Sqlite(connection) => connection.batch_execute(sql)?,
            Self::Postgres(connection) => connection.batch_execute(sql)?,
        }
        Ok(())
    }

    /// The one number of a query, in a column named `answer`.
    pub(crate) fn number(&mut self, sql: &str) -> Outcome<i64> {
        let query = diesel::sql_query(sql);
        let row: Number = match self {
            Self::Sqlite(connection) => query.get_result(connection)?,
            Self::Postgres(connection) => query.get_result(connection)?,
        };
        Ok(row.answer)
    }

    /// The one text of a query, in a column named `answer`.
    pub(crate) fn word(&mut self, sql: &str) -> Outcome<String> {
        let query = diesel::sql_query(sql);
        let row: Word = match self {
            Self::Sqlite(connection) => query.get_result(connection)?,
            Self::Postgres(connection) => query.get_result(connection)?,
        };
        Ok(row.answer)
    }

    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Sqlite(_) => Kind::Sqlite,
            Self::Postgres(_) => Kind::Postgres,
        }
    }

    /// The database's version.
    pub(crate) fn version(&mut self) -> Outcome<String> {
        let sql = match self {
            Self::Sqlite(_) => "SELECT 'SQLite ' || sqlite_version() AS answer",
            Self::Postgres(_) => {
                "SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1) AS answer"
            }
        };
        self.word(sql)
    }

    /// Bytes of PostgreSQL's log of changes so far.
    pub(crate) fn wal_bytes(&mut self) -> Outcome<u64> {
        let bytes = self.number("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::BIGINT AS answer")?;
        Ok(u64::try_from(bytes)?)
    }
}

/// A database made for one run, and gone when this is dropped.
pub(crate) struct Place {
    pub(crate) url: String,
    /// The database to drop, and the address of the server it is on.
    on_server: Option<(String, String)>,
}

impl Place {
    /// A SQLite file in a folder that somebody else removes.
    pub(crate) fn sqlite(folder: &Path) -> Self {
        Self {
            url: format!("sqlite://{}", folder.join("doorward.db").display()),
            on_server: None,
        }
    }

    /// A database of its own on a server whose address ends with the name of one that is there.
    pub(crate) fn postgres(server: &str, name: &str) -> Outcome<Self> {
        let name = format!("doorward_bench_{}_{name}", std::process::id());
        let (authority, _) = server.rsplit_once('/').ok_or("the address names no database")?;
        Plain::connect(server)?.execute(&format!("CREATE DATABASE {name}"))?;
        Ok(Self {
            url: format!("{authority}/{name}"),
            on_server: Some((server.to_owned(), name)),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.on_server
            && let Ok(mut connection) = Plain::connect(server)
        {
            let _ = connection.execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}
