//! Schema migrations: each is applied once, however many instances start at the same time.

use core::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationConnection, MigrationSource};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::connection::{AnyConnection, DatabaseUrl, check_encoding, connect};
use crate::error::OpenError;
use crate::locks;
use crate::schema::{__diesel_schema_migrations as applied_migrations, SchemaStatus};
use crate::session::revocations;
use crate::transaction::{self, Mode};

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// How long to wait for another instance that is migrating.
const LOCK_TIMEOUT: Duration = Duration::from_mins(5);

/// Applies the pending migrations and returns their names. If one fails, none is applied.
///
/// If several instances do this at once, one migrates and the others wait for it. A schema with an unknown migration is
/// left unchanged, and the result is an error.
pub fn migrate(url: &DatabaseUrl) -> Result<Vec<String>, OpenError> {
    let connection = connect(url, LOCK_TIMEOUT)?;
    migrate_on(connection, url.is_pooled())
}

fn migrate_on(mut connection: AnyConnection, is_pooled: bool) -> Result<Vec<String>, OpenError> {
    check_encoding(&mut connection)?;
    // One transaction around all migrations, in which each is a savepoint. It also is the only thing that holds a lock through a
    // pooler.
    transaction::begin(&mut connection, Mode::Write, is_pooled)?;
    let done = lock(&mut connection).and_then(|()| run_pending(&mut connection));
    match done {
        Ok(names) => {
            transaction::commit(&mut connection)?;
            Ok(names)
        }
        Err(error) => {
            transaction::roll_back(&mut connection);
            Err(error)
        }
    }
}

/// Excludes other instances until the transaction ends. On SQLite, the transaction itself does.
fn lock(connection: &mut AnyConnection) -> Result<(), OpenError> {
    if let AnyConnection::Postgres(inner) = connection {
        inner.batch_execute(&format!(
            "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = {}",
            LOCK_TIMEOUT.as_millis()
        ))?;
        locks::migrations(connection)?;
    }
    Ok(())
}

/// Compares the schema of a database with the one that this program was built for. Changes nothing.
pub fn schema_status(url: &DatabaseUrl) -> Result<SchemaStatus, OpenError> {
    let mut connection = connect(url, LOCK_TIMEOUT)?;
    Ok(status(&mut connection)?)
}

fn run_pending(connection: &mut AnyConnection) -> Result<Vec<String>, OpenError> {
    let status = status(connection)?;
    if !status.unknown.is_empty() {
        return Err(OpenError::SchemaDiffers(status));
    }
    if !status.pending.is_empty() {
        let done = match connection {
            AnyConnection::Sqlite(inner) => run_pending_on_sqlite(inner),
            AnyConnection::Postgres(inner) => inner.run_pending_migrations(POSTGRES).map(|_| ()),
        };
        done.map_err(|error| OpenError::MigrationFailed(error.to_string()))?;
    }
    if let AnyConnection::Postgres(inner) = connection {
        revocations::adopt_copied(inner)?;
    }
    Ok(status.pending)
}

/// Applies the pending migrations in the transaction that is open.
///
/// Diesel would put each into a savepoint. When a disk is full, SQLite rolls back the whole transaction, savepoints included;
/// Diesel would then report that it cannot find the savepoint, and not the cause.
fn run_pending_on_sqlite(connection: &mut SqliteConnection) -> diesel::migration::Result<()> {
    connection.setup()?;
    let applied: Vec<String> = applied_migrations::table
        .select(applied_migrations::version)
        .load(connection)?;
    let mut migrations: Vec<Box<dyn Migration<Sqlite>>> = MigrationSource::<Sqlite>::migrations(&SQLITE)?;
    migrations.sort_unstable_by_key(|migration| migration.name().version().as_owned());
    for migration in migrations {
        let version = migration.name().version().to_string();
        if applied.contains(&version) {
            continue;
        }
        migration.run(connection)?;
        diesel::insert_into(applied_migrations::table)
            .values(applied_migrations::version.eq(version))
            .execute(connection)?;
    }
    Ok(())
}

/// Version and name of every migration of this program, in order.
pub(crate) fn known(connection: &AnyConnection) -> Vec<(String, String)> {
    let migrations = match connection {
        AnyConnection::Sqlite(_) => names::<Sqlite>(&SQLITE),
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

/// Compares the schema, in two queries because the database may have no schema at all.
pub(crate) fn status(connection: &mut AnyConnection) -> QueryResult<SchemaStatus> {
    #[derive(QueryableByName)]
    struct TableCount {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let table_exists = match connection {
        AnyConnection::Sqlite(_) => {
            "SELECT count(*) AS count FROM sqlite_schema WHERE name = '__diesel_schema_migrations'"
        }
        AnyConnection::Postgres(_) => "SELECT count(to_regclass('__diesel_schema_migrations')) AS count",
    };
    let TableCount { count } = diesel::sql_query(table_exists).get_result(connection)?;
    let applied = if count == 0 {
        Vec::new()
    } else {
        applied(connection)?
    };
    Ok(SchemaStatus::compare(&known(connection), &applied))
}

/// Versions of the applied migrations, in order; one query.
pub(crate) fn applied(connection: &mut AnyConnection) -> QueryResult<Vec<String>> {
    let mut versions: Vec<String> = applied_migrations::table
        .select(applied_migrations::version)
        .load(connection)?;
    versions.sort_unstable();
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_on_a_full_disk_fails_with_that_cause_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(folder.path().join("full.db"));
        for pages in [4, 8, 12, 16, 20] {
            let mut connection = connect(&url, LOCK_TIMEOUT).unwrap();
            let AnyConnection::Sqlite(inner) = &mut connection else {
                panic!("not SQLite");
            };
            inner
                .batch_execute(&format!("PRAGMA max_page_count = {pages}"))
                .unwrap();
            let error = migrate_on(connection, false).unwrap_err();
            assert!(
                error.to_string().contains("database or disk is full"),
                "{pages}: {error}"
            );
            assert!(!schema_status(&url).unwrap().pending.is_empty());
        }
        assert!(!migrate(&url).unwrap().is_empty());
        assert!(schema_status(&url).unwrap().is_current());
    }

    #[test]
    fn temporary_files_are_beside_the_database() {
        #[derive(QueryableByName)]
        struct Folder {
            #[diesel(sql_type = diesel::sql_types::Text)]
            temp_store_directory: String,
        }
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("it's data");
        std::fs::create_dir(&inner).unwrap();
        let mut connection = connect(&DatabaseUrl::sqlite(inner.join("d.db")), LOCK_TIMEOUT).unwrap();
        let found: Folder = diesel::sql_query("PRAGMA temp_store_directory")
            .get_result(&mut connection)
            .unwrap();
        assert_eq!(found.temp_store_directory, inner.to_str().unwrap());
    }
}
