//! Migrations: applied once, equal on both databases, and unknown ones are rejected.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use doorward_domain::audit::EventFilter;
use doorward_domain::id::UserId;
use doorward_domain::store::{Transactions as _, UnitOfWork};
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::time::Timestamp;
use doorward_domain::token::LogPosition;
use doorward_persistence::test_support::TestDatabase;
use doorward_persistence::{Database, OpenError, SchemaStatus, migrate, schema_status};

use doorward_testkit::sample;

use crate::support::on_each_database;

/// The environment variable with the URL of the database that [`child_process_that_migrates`] migrates.
const MIGRATE: &str = "DOORWARD_TEST_MIGRATE";

/// The folder with the migrations for that kind of database.
fn folder(kind: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../migrations")
        .join(kind)
}

fn names(kind: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder(kind)).expect("the migrations");
    entries
        .map(|entry| {
            entry
                .expect("a migration")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect()
}

#[test]
fn both_databases_have_the_same_migrations_up_and_down() {
    let sqlite = names("sqlite");
    assert_eq!(sqlite, names("postgres"));
    for kind in ["sqlite", "postgres"] {
        for name in &sqlite {
            for direction in ["up.sql", "down.sql"] {
                let file = folder(kind).join(name).join(direction);
                assert!(
                    fs::read_to_string(&file).is_ok_and(|sql| !sql.trim().is_empty()),
                    "{}",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn migrations_are_applied_once() {
    on_each_database(|database| {
        let url = database.parsed_url();
        let all: Vec<String> = names("sqlite").into_iter().collect();
        let expected = SchemaStatus {
            pending: all.clone(),
            unknown: Vec::new(),
        };
        assert_eq!(schema_status(&url), Ok(expected.clone()));
        let error = Database::open(&database.settings()).expect_err("no schema");
        assert_eq!(error, OpenError::SchemaDiffers(expected));
        assert_eq!(migrate(&url), Ok(all));
        assert_eq!(migrate(&url), Ok(Vec::new()));
        assert_eq!(schema_status(&url), Ok(SchemaStatus::default()));
        assert!(Database::open(&database.settings()).is_ok());
    });
}

#[test]
fn migrations_can_be_reverted_and_applied_again() {
    let database = TestDatabase::sqlite();
    let migrations = || FileBasedMigrations::from_path(folder("sqlite")).expect("the migrations");
    let path = database
        .parsed_url()
        .sqlite_path()
        .expect("a path")
        .display()
        .to_string();
    let mut connection = SqliteConnection::establish(&path).expect("a connection");
    let objects = "SELECT count(*) AS answer FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'";
    connection.run_pending_migrations(migrations()).expect("up");
    let full = database.number(objects);
    connection.revert_all_migrations(migrations()).expect("down");
    assert_eq!(database.number(objects), 0);
    connection.run_pending_migrations(migrations()).expect("up again");
    assert_eq!(database.number(objects), full);

    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let migrations = || FileBasedMigrations::from_path(folder("postgres")).expect("the migrations");
    let mut connection = PgConnection::establish(database.url()).expect("a connection");
    let objects = "SELECT count(*) AS answer FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
        WHERE nspname = 'public' AND relname NOT LIKE '\\_\\_%'";
    connection.run_pending_migrations(migrations()).expect("up");
    let full = database.number(objects);
    connection.revert_all_migrations(migrations()).expect("down");
    assert_eq!(database.number(objects), 0);
    connection.run_pending_migrations(migrations()).expect("up again");
    assert_eq!(database.number(objects), full);
}

#[test]
fn a_newer_or_older_schema_is_rejected_and_the_migration_named() {
    on_each_database(|database| {
        let store = database.open();
        database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')");
        let newer = SchemaStatus {
            pending: Vec::new(),
            unknown: vec!["9999".to_owned()],
        };
        assert_eq!(schema_status(&database.parsed_url()), Ok(newer.clone()));
        let errors = [
            migrate(&database.parsed_url()).expect_err("a newer schema"),
            Database::open(&database.settings()).expect_err("a newer schema"),
        ];
        for error in errors {
            assert_eq!(error, OpenError::SchemaDiffers(newer.clone()));
            assert!(error.to_string().contains("9999"), "{error}");
        }
        let Err(StoreError::Unavailable(reason)) = store.check() else {
            panic!("ready with a newer schema")
        };
        assert!(reason.contains("9999"), "{reason}");

        database.execute("DELETE FROM __diesel_schema_migrations");
        let Err(StoreError::Unavailable(reason)) = store.check() else {
            panic!("ready without a schema")
        };
        assert!(reason.contains("0001_initial"), "{reason}");
    });
}

#[test]
fn a_failed_migration_is_rolled_back() {
    on_each_database(|database| {
        // Conflicts with the last table that the first migration creates.
        database.execute("CREATE TABLE setup (id INTEGER)");
        let error = migrate(&database.parsed_url()).expect_err("a conflicting table");
        assert!(matches!(error, OpenError::MigrationFailed(_)), "{error:?}");
        let status = schema_status(&database.parsed_url()).expect("a status");
        assert_eq!(status.pending, names("sqlite").into_iter().collect::<Vec<_>>());
        database.execute("DROP TABLE setup");
        // Would fail if a table of the first attempt were left.
        assert!(migrate(&database.parsed_url()).is_ok());
    });
}

/// The last migration of the last release.
const RELEASED: &str = "0005_audit";

/// The migrations up to that of the last release, in a folder of their own.
fn released(kind: &str) -> (tempfile::TempDir, FileBasedMigrations) {
    let copy = tempfile::tempdir().expect("a folder");
    for name in names(kind).iter().filter(|name| name.as_str() <= RELEASED) {
        let target = copy.path().join(name);
        fs::create_dir(&target).expect("a folder");
        for file in ["up.sql", "down.sql"] {
            fs::copy(folder(kind).join(name).join(file), target.join(file)).expect("a copy");
        }
    }
    let migrations = FileBasedMigrations::from_path(copy.path()).expect("the migrations");
    (copy, migrations)
}

/// Rows of every table as the last release writes them.
const RELEASED_ROWS: [&str; 7] = [
    "INSERT INTO users (id, email, email_canonical, name, status, version, password_digest, password_version, created_at, updated_at)
        VALUES ('018bcfe5-687b-7fff-8000-000000000001', 'Ada@example.org', 'ada@example.org', NULL, 'active', 1, '$argon2id$', 1, 1, 2)",
    "INSERT INTO user_roles (user_id, role) VALUES ('018bcfe5-687b-7fff-8000-000000000001', 'admin')",
    "INSERT INTO sessions (id, user_id, key, generation, rotated_at, created_at, last_used_at, expires_at)
        SELECT '018bcfe5-687b-7fff-8000-000000000002', id, KEY32, 3, 4, 5, 6, 7 FROM users",
    "INSERT INTO attempts (key, failures, recent, last_at) VALUES (KEY32, 2, KEY100, 9)",
    "INSERT INTO known_networks (key, account_key, last_at) VALUES (KEY32, KEY32, 9)",
    "INSERT INTO events (id, at, kind, outcome, user_id, request_id, detail)
        VALUES ('018bcfe5-687b-7fff-8000-000000000003', 8, 'login.succeeded', 'success', '018bcfe5-687b-7fff-8000-000000000001', '018bcfe5-687b-7fff-8000-000000000004', '{}')",
    "INSERT INTO revocations (at, session_id) VALUES (9, '018bcfe5-687b-7fff-8000-000000000002')",
];

#[test]
fn a_database_of_the_last_release_keeps_its_rows() {
    on_each_database(|database| {
        let bytes = |count: usize| match database.folder() {
            Some(_) => format!("x'{}'", "5a".repeat(count)),
            None => format!("'\\x{}'::bytea", "5a".repeat(count)),
        };
        if let Some(path) = database.parsed_url().sqlite_path() {
            let path = path.display().to_string();
            let mut connection = SqliteConnection::establish(&path).expect("a connection");
            let (_folder, migrations) = released("sqlite");
            connection.run_pending_migrations(migrations).expect("up");
        } else {
            let mut connection = PgConnection::establish(database.url()).expect("a connection");
            let (_folder, migrations) = released("postgres");
            connection.run_pending_migrations(migrations).expect("up");
        }
        for sql in RELEASED_ROWS {
            database.execute(&sql.replace("KEY32", &bytes(32)).replace("KEY100", &bytes(100)));
        }
        let added: Vec<String> = names("sqlite")
            .into_iter()
            .filter(|name| name.as_str() > RELEASED)
            .collect();
        assert_eq!(migrate(&database.parsed_url()), Ok(added));

        for table in [
            "users",
            "user_roles",
            "sessions",
            "attempts",
            "known_networks",
            "events",
            "revocations",
        ] {
            let count = format!("SELECT count(*) AS answer FROM {table}");
            assert_eq!(database.number(&count), 1, "{table}");
        }
        assert_eq!(database.number("SELECT count(*) AS answer FROM jobs"), 0);
        let store = Database::open(&database.settings()).expect("a migrated database");
        let id = "018bcfe5-687b-7fff-8000-000000000001";
        let id = UserId::parse(id).expect("an id");
        let read = store.snapshot(|repos| -> StoreResult<_> {
            let user = repos.users().find(id)?;
            let sessions = repos.sessions().list_unended(id, Timestamp::from_micros(6), 10)?;
            let events = repos.events().page(&EventFilter::default(), None, 10)?;
            let revocations = repos.revocations().after(&LogPosition::start(), 10)?.entries;
            Ok((user, sessions.len(), events.len(), revocations.len()))
        });
        let (user, sessions, events, revocations) = read.expect("rows that can be read");
        let user = user.expect("the user");
        assert_eq!(
            (user.email.as_typed(), user.version.get()),
            ("Ada@example.org", 1)
        );
        assert!(user.is_active_admin());
        assert_eq!((sessions, events, revocations), (1, 1, 1));
        assert!(
            store.transaction(|repos| repos.jobs().enqueue(&sample::job(1))) == Ok::<_, StoreError>(true)
        );
    });
}

/// Run in child processes by the test below; does nothing otherwise.
#[test]
fn child_process_that_migrates() {
    if let Ok(url) = std::env::var(MIGRATE) {
        let url = doorward_persistence::DatabaseUrl::parse(&url).expect("a database URL");
        for _ in 0..3 {
            migrate(&url).expect("a migration or none");
        }
    }
}

#[test]
fn processes_that_migrate_at_once_all_succeed() {
    on_each_database(|database| {
        let program = std::env::current_exe().expect("this program");
        let processes: Vec<_> = (0..6)
            .map(|_| {
                let mut command = Command::new(&program);
                command
                    .args(["--exact", "migrations::child_process_that_migrates"])
                    .env(MIGRATE, database.url());
                command
                    .stdout(std::process::Stdio::null())
                    .spawn()
                    .expect("a process")
            })
            .collect();
        for mut process in processes {
            assert!(process.wait().expect("an end").success());
        }
        assert!(Database::open(&database.settings()).is_ok());
    });
}

#[test]
fn migrate_waits_for_another_instance_that_is_migrating() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let mut other = PgConnection::establish(database.url()).expect("a connection");
    other
        .batch_execute("SELECT pg_advisory_lock(1146048338, 2)")
        .expect("the lock");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| migrate(&database.parsed_url()));
        let waits = "SELECT count(*) AS answer FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        while database.number(waits) == 0 {
            assert!(!waiting.is_finished(), "it did not wait");
            std::thread::sleep(core::time::Duration::from_millis(20));
        }
        drop(other);
        assert_eq!(
            waiting.join().expect("no panic"),
            Ok(names("postgres").into_iter().collect())
        );
    });
}
