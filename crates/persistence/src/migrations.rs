//! Bringing the schema to where this program expects it, once, however many instances start at the same moment.

use core::fmt;
use core::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::connection::url::DatabaseUrl;
use crate::connection::{AnyConnection, connect};
use crate::database::OpenError;
use crate::locks;
use crate::schema::__diesel_schema_migrations as applied_migrations;
use crate::transaction::{self, Mode};

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// How long to wait for another instance that is migrating.
const PATIENCE: Duration = Duration::from_mins(5);

/// How the schema of a database differs from the one that this program was built for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SchemaStatus {
    /// The names of the migrations that are still to be applied, in order.
    pub pending: Vec<String>,
    /// The versions of the applied migrations that this program does not know, in order: a newer one was here.
    pub unknown: Vec<String>,
}

impl SchemaStatus {
    /// Whether it does not differ.
    pub fn is_current(&self) -> bool {
        self.pending.is_empty() && self.unknown.is_empty()
    }
}

impl fmt::Display for SchemaStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pending.as_slice(), self.unknown.as_slice()) {
            ([], []) => f.write_str("the schema is current"),
            (pending, []) => write!(f, "migrations still to be applied: {}", pending.join(", ")),
            ([], unknown) => write!(
                f,
                "migrations applied that this version does not know: {}",
                unknown.join(", ")
            ),
            (pending, unknown) => write!(
                f,
                "migrations applied that this version does not know: {}; still to be applied: {}",
                unknown.join(", "),
                pending.join(", ")
            ),
        }
    }
}

/// Applies the migrations that are pending, and gives their names.
///
/// Of several instances that do this at once, one migrates and the others wait for it. A schema with a migration that
/// this program does not know is left alone and refused.
pub fn migrate(url: &DatabaseUrl) -> Result<Vec<String>, OpenError> {
    let mut connection = connect(url, PATIENCE).map_err(|error| OpenError::Unreachable(error.0))?;
    match &mut connection {
        // One transaction around all: each migration's own is a savepoint in it, and the write lock is the lock.
        AnyConnection::Sqlite(_) => {
            transaction::begin(&mut connection, Mode::Write).map_err(unreachable)?;
            let done = run_pending(&mut connection);
            match done {
                Ok(names) => transaction::commit(&mut connection)
                    .map_err(unreachable)
                    .map(|()| names),
                Err(error) => {
                    transaction::roll_back(&mut connection);
                    Err(error)
                }
            }
        }
        // Each migration is a transaction of its own. The lock belongs to the session, and ends with it at the latest.
        AnyConnection::Postgres(inner) => {
            inner
                .batch_execute(&format!(
                    "SET statement_timeout = 0; SET lock_timeout = {}",
                    PATIENCE.as_millis()
                ))
                .map_err(unreachable)?;
            advisory(inner, "SELECT pg_advisory_lock($1, $2)")?;
            let done = run_pending(&mut connection);
            if let AnyConnection::Postgres(inner) = &mut connection {
                advisory(inner, "SELECT pg_advisory_unlock($1, $2)")?;
            }
            done
        }
    }
}

/// How the schema differs from what this program expects. Changes nothing.
pub fn schema_status(url: &DatabaseUrl) -> Result<SchemaStatus, OpenError> {
    let mut connection = connect(url, PATIENCE).map_err(|error| OpenError::Unreachable(error.0))?;
    status(&mut connection).map_err(unreachable)
}

fn advisory(connection: &mut PgConnection, sql: &str) -> Result<(), OpenError> {
    diesel::sql_query(sql)
        .bind::<Integer, _>(locks::FAMILY)
        .bind::<Integer, _>(locks::MIGRATIONS)
        .execute(connection)
        .map_err(unreachable)?;
    Ok(())
}

fn run_pending(connection: &mut AnyConnection) -> Result<Vec<String>, OpenError> {
    let status = status(connection).map_err(unreachable)?;
    if !status.unknown.is_empty() {
        return Err(OpenError::SchemaDiffers(status));
    }
    if status.pending.is_empty() {
        return Ok(Vec::new());
    }
    let done = match connection {
        AnyConnection::Sqlite(inner) => inner.run_pending_migrations(SQLITE).map(|_| ()),
        AnyConnection::Postgres(inner) => inner.run_pending_migrations(POSTGRES).map(|_| ()),
    };
    done.map_err(|error| OpenError::MigrationFailed(error.to_string()))?;
    Ok(status.pending)
}

/// Version and name of every migration that this program knows, in order.
pub(crate) fn known(connection: &AnyConnection) -> Vec<(String, String)> {
    let migrations = match connection {
        AnyConnection::Sqlite(_) => names::<diesel::sqlite::Sqlite>(&SQLITE),
        AnyConnection::Postgres(_) => names::<diesel::pg::Pg>(&POSTGRES),
    };
    migrations.unwrap_or_default()
}

fn names<DB: diesel::backend::Backend>(
    migrations: &EmbeddedMigrations,
) -> diesel::migration::Result<Vec<(String, String)>> {
    let migrations = MigrationSource::<DB>::migrations(migrations)?;
    let mut names: Vec<_> = migrations
        .iter()
        .map(|one| (one.name().version().to_string(), one.name().to_string()))
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// How the schema differs: two queries, for a database that may have no schema at all.
pub(crate) fn status(connection: &mut AnyConnection) -> QueryResult<SchemaStatus> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let is_there = match connection {
        AnyConnection::Sqlite(_) => {
            "SELECT count(*) AS count FROM sqlite_schema WHERE name = '__diesel_schema_migrations'"
        }
        AnyConnection::Postgres(_) => "SELECT count(to_regclass('__diesel_schema_migrations')) AS count",
    };
    let Count { count } = diesel::sql_query(is_there).get_result(connection)?;
    let applied = if count == 0 {
        Vec::new()
    } else {
        applied(connection)?
    };
    Ok(compare(&known(connection), &applied))
}

/// The versions of the applied migrations, in order: one query.
pub(crate) fn applied(connection: &mut AnyConnection) -> QueryResult<Vec<String>> {
    let mut versions: Vec<String> = applied_migrations::table
        .select(applied_migrations::version)
        .load(connection)?;
    versions.sort_unstable();
    Ok(versions)
}

pub(crate) fn compare(known: &[(String, String)], applied: &[String]) -> SchemaStatus {
    SchemaStatus {
        pending: known
            .iter()
            .filter(|(version, _)| !applied.contains(version))
            .map(|(_, name)| name.clone())
            .collect(),
        unknown: applied
            .iter()
            .filter(|version| !known.iter().any(|(own, _)| own == *version))
            .cloned()
            .collect(),
    }
}

fn unreachable(error: diesel::result::Error) -> OpenError {
    OpenError::Unreachable(crate::error::Failure::from(error).error.to_string())
}
