//! A connection to either database, with the settings that the rest of the crate relies on.

use core::time::Duration;
use std::path::Path;
use std::thread;

use diesel::connection::{CacheSize, SimpleConnection};
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{Nullable, Text};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{ConnectError, OpenError};

use super::postgres_url::{DIRECT_SETTING, PostgresUrl};
use super::url::{DatabaseAddress, DatabaseUrl};

/// A connection to one of the two databases. Most queries are written once, for this type.
#[derive(diesel::MultiConnection)]
pub(crate) enum AnyConnection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Evaluates an expression on the connection inside, for the few statements that `MultiConnection` does not support, such
/// as upserts.
macro_rules! on_either {
    ($connection:expr, $inner:ident => $body:expr) => {
        match $connection {
            $crate::connection::any_connection::AnyConnection::Sqlite($inner) => $body,
            $crate::connection::any_connection::AnyConnection::Postgres($inner) => $body,
        }
    };
}
pub(crate) use on_either;

/// Connects. On SQLite, statements will wait up to `busy_timeout` for a lock of another process.
pub(crate) fn connect(url: &DatabaseUrl, busy_timeout: Duration) -> Result<AnyConnection, ConnectError> {
    match &url.0 {
        DatabaseAddress::Sqlite(path) => connect_sqlite(path, busy_timeout).map(AnyConnection::Sqlite),
        DatabaseAddress::Postgres(url) => connect_postgres(url).map(AnyConnection::Postgres),
    }
}

#[derive(QueryableByName)]
struct JournalMode {
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

fn connect_sqlite(path: &Path, busy_timeout: Duration) -> Result<SqliteConnection, ConnectError> {
    let failed = |reason: &dyn core::fmt::Display| ConnectError(format!("{}: {reason}", path.display()));
    create_private(path).map_err(|error| failed(&error))?;
    // SQLite must not interpret a relative path as a URI (`file:…`) or a special name (`:memory:`).
    let anchored = if path.is_absolute() {
        path.to_path_buf()
    } else {
        Path::new(".").join(path)
    };
    let name = anchored
        .to_str()
        .ok_or_else(|| failed(&"the path is not UTF-8"))?;
    let mut connection = SqliteConnection::establish(name).map_err(|error| failed(&error))?;
    // The only journal mode in which readers and a writer do not wait for each other. Before the timeout is set, because this
    // waits by itself.
    let mode = use_write_ahead_log(&mut connection, busy_timeout).map_err(|error| failed(&error))?;
    if mode.journal_mode != "wal" {
        return Err(failed(
            &"the file system does not support SQLite's write-ahead log",
        ));
    }
    let set_timeout = format!("PRAGMA busy_timeout = {}", busy_timeout.as_millis());
    connection
        .batch_execute(&set_timeout)
        .map_err(|error| failed(&error))?;
    connection
        .batch_execute(SQLITE_PRAGMAS)
        .map_err(|error| failed(&error))?;
    // SQLite spills large sorts and statement journals to temporary files: beside the database, which must be writable
    // anyway, instead of in a /tmp that may be missing, read-only, small or on another disk. Deprecated only because it holds
    // for the whole process; an environment variable, the alternative, cannot be set safely once there are threads.
    let folder = anchored.parent().and_then(Path::to_str).unwrap_or(".");
    let folder = folder.replace('\'', "''");
    connection
        .batch_execute(&format!("PRAGMA temp_store_directory = '{folder}'"))
        .map_err(|error| failed(&error))?;
    Ok(connection)
}

/// Switches to the write-ahead log, which the database remembers, and returns the journal mode. SQLite does not wait if another
/// process switches a new database at the same moment, because each would wait for a lock of the other: it is tried again.
fn use_write_ahead_log(connection: &mut SqliteConnection, patience: Duration) -> QueryResult<JournalMode> {
    let mut waits = patience.as_millis() / SWITCH_RETRY.as_millis();
    loop {
        let switched = diesel::sql_query("PRAGMA journal_mode = WAL").get_result(connection);
        match switched {
            Err(Error::DatabaseError(_, reason)) if waits > 0 && reason.message() == "database is locked" => {
                waits -= 1;
                thread::sleep(SWITCH_RETRY);
            }
            switched => return switched,
        }
    }
}

/// The pause between two attempts to switch the journal mode.
const SWITCH_RETRY: Duration = Duration::from_millis(10);

/// `synchronous`: a commit survives a loss of power. `foreign_keys`: off by default in SQLite. `trusted_schema`: the schema
/// of a manipulated database file cannot run functions. `journal_size_limit` (bytes): the log shrinks again after a burst
/// of writes. `cache_size` (KiB per connection, since it is negative): holds the inner index pages of a million accounts;
/// with the default of 2 MiB each look-up would read them again. It is a maximum: small databases use less.
const SQLITE_PRAGMAS: &str = "
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA cache_size = -8192;
";

/// Creates the file if it does not exist, accessible by its owner only. SQLite gives its `-wal` and `-shm` files the same
/// mode.
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

/// For statements that run without a transaction: the database may have another default.
const POSTGRES_ISOLATION: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED";

/// Connects to PostgreSQL, directly or through a pooler such as PgBouncer in any of its modes.
///
/// A pooler is recognised by the startup options: it refuses them, or they do not reach the server. Through one, nothing may
/// outlive a transaction, which may be the only thing that runs on that connection of the server: no prepared statements and
/// no settings of the session.
fn connect_postgres(url: &PostgresUrl) -> Result<PgConnection, ConnectError> {
    if !url.is_pooled() {
        match establish(url, url.conninfo()) {
            Ok(mut connection) => {
                if has_startup_options(&mut connection)
                    .map_err(|error| ConnectError(format!("{}: {error}", url.redacted())))?
                {
                    connection
                        .batch_execute(POSTGRES_ISOLATION)
                        .map_err(|error| ConnectError(format!("{}: {error}", url.redacted())))?;
                    return Ok(connection);
                }
            }
            Err(error) if error.0.contains(OPTIONS_REFUSED) => {}
            Err(error) => return Err(error),
        }
        url.set_pooled();
    }
    let conninfo = url.pooled_conninfo().ok_or_else(|| {
        ConnectError(format!(
            "{}: a pooler does not pass on the `options` in the database URL: remove them, or connect to the server itself",
            url.redacted()
        ))
    })?;
    let mut connection = establish(url, conninfo)?;
    connection.set_prepared_statement_cache_size(CacheSize::Disabled);
    Ok(connection)
}

/// What PgBouncer says about startup options.
const OPTIONS_REFUSED: &str = "unsupported startup parameter";

fn establish(url: &PostgresUrl, conninfo: &SecretString) -> Result<PgConnection, ConnectError> {
    PgConnection::establish(conninfo.expose_secret()).map_err(|error| {
        let lines = error.to_string();
        let words: Vec<_> = lines.split_whitespace().collect();
        ConnectError(format!("{}: {}", url.redacted(), words.join(" ")))
    })
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
}

fn has_startup_options(connection: &mut PgConnection) -> QueryResult<bool> {
    let Setting { value } = diesel::sql_query("SELECT current_setting($1, true) AS value")
        .bind::<Text, _>(DIRECT_SETTING)
        .get_result(connection)?;
    Ok(value.as_deref() == Some("on"))
}

/// Fails unless the database stores text as UTF-8: others cannot store every name and address, or compare them differently.
pub(crate) fn check_encoding(connection: &mut AnyConnection) -> Result<(), OpenError> {
    let (sql, expected, remedy) = match connection {
        AnyConnection::Sqlite(_) => (
            "SELECT encoding AS value FROM pragma_encoding",
            "UTF-8",
            "with `sqlite3 OLD .dump | sqlite3 NEW`",
        ),
        AnyConnection::Postgres(_) => (
            "SELECT current_setting('server_encoding') AS value",
            "UTF8",
            "with `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`, `pg_dump` and `pg_restore`",
        ),
    };
    let Setting { value } = diesel::sql_query(sql).get_result(connection)?;
    let found = value.unwrap_or_default();
    if found == expected {
        return Ok(());
    }
    Err(OpenError::Misconfigured(format!(
        "the database has the encoding {found}, and {expected} is needed: move it to a new database, {remedy}"
    )))
}
