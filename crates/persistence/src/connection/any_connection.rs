//! One connection, to either database, set up as the rest of the crate relies on.

use core::time::Duration;
use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use secrecy::ExposeSecret;

use crate::connection::postgres_url::PostgresUrl;
use crate::connection::url::{DatabaseUrl, Location};

/// A connection to one of the two databases; what is written against it is written once.
#[derive(diesel::MultiConnection)]
pub(crate) enum AnyConnection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Evaluates an expression on the connection of the one database or of the other: for the few statements that the
/// common connection does not know, such as upserts.
macro_rules! on_either {
    ($connection:expr, $inner:ident => $body:expr) => {
        match $connection {
            $crate::connection::AnyConnection::Sqlite($inner) => $body,
            $crate::connection::AnyConnection::Postgres($inner) => $body,
        }
    };
}
pub(crate) use on_either;

/// Why there is no connection, in words fit for a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConnectError(pub(crate) String);

/// Connects, waiting up to `patience` for a lock on a SQLite database.
pub(crate) fn connect(url: &DatabaseUrl, patience: Duration) -> Result<AnyConnection, ConnectError> {
    match &url.0 {
        Location::Sqlite(path) => connect_sqlite(path, patience).map(AnyConnection::Sqlite),
        Location::Postgres(url) => connect_postgres(url).map(AnyConnection::Postgres),
    }
}

#[derive(QueryableByName)]
struct JournalMode {
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

fn connect_sqlite(path: &Path, patience: Duration) -> Result<SqliteConnection, ConnectError> {
    let failed = |reason: &dyn core::fmt::Display| ConnectError(format!("{}: {reason}", path.display()));
    create_private(path).map_err(|error| failed(&error))?;
    // A relative path must not be taken for a URI (`file:…`) or for a word that SQLite knows (`:memory:`).
    let anchored = if path.is_absolute() {
        path.to_path_buf()
    } else {
        Path::new(".").join(path)
    };
    let name = anchored
        .to_str()
        .ok_or_else(|| failed(&"the path is not UTF-8"))?;
    let mut connection = SqliteConnection::establish(name).map_err(|error| failed(&error))?;
    // First of all, because the statements after it may have to wait too.
    let busy_timeout = format!("PRAGMA busy_timeout = {}", patience.as_millis());
    connection
        .batch_execute(&busy_timeout)
        .map_err(|error| failed(&error))?;
    // The one mode in which readers and a writer do not wait for each other.
    let mode: JournalMode = diesel::sql_query("PRAGMA journal_mode = WAL")
        .get_result(&mut connection)
        .map_err(|error| failed(&error))?;
    if mode.journal_mode != "wal" {
        return Err(failed(
            &"the file system does not support SQLite's write-ahead log",
        ));
    }
    connection
        .batch_execute(SQLITE_PRAGMAS)
        .map_err(|error| failed(&error))?;
    Ok(connection)
}

/// `synchronous`: what was acknowledged is on the disk, also after a loss of power. `foreign_keys`: off by default, for
/// history's sake. `trusted_schema`: a database file that somebody tampered with cannot have functions run by its schema.
/// `journal_size_limit`: one burst of writes does not leave a log of its size for good (bytes). `cache_size`: room for the
/// inner pages of the indexes of a million accounts, where the default of 2 MiB would have each look-up read them again
/// (KiB a connection, when negative; used only as far as the database is large).
const SQLITE_PRAGMAS: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA cache_size = -8192;
";

/// Makes the file if there is none, for its owner only; SQLite gives the files beside it the same permissions.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn connect_postgres(url: &PostgresUrl) -> Result<PgConnection, ConnectError> {
    PgConnection::establish(url.conninfo().expose_secret()).map_err(|error| {
        let lines = error.to_string();
        let words: Vec<_> = lines.split_whitespace().collect();
        ConnectError(format!("{}: {}", url.shown(), words.join(" ")))
    })
}
