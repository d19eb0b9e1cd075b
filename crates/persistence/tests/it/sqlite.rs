//! Behaviour that only SQLite has: connection settings, files, and a single writer.

use core::time::Duration;
use std::sync::mpsc;
use std::thread;

use doorward_domain::account::User;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;
use doorward_persistence::test_support::TestDatabase;
use doorward_persistence::{Database, DatabaseSettings, DatabaseUrl, OpenError, migrate};
use doorward_testkit::sample;

use crate::support::{insert_user, store_with};

/// The table-valued functions for pragmas report on the connection that they run on.
#[test]
fn connections_have_the_documented_settings() {
    let database = TestDatabase::sqlite();
    let _store = database.open();
    let full = 2;
    for (pragma, value) in [("synchronous", full), ("foreign_keys", 1), ("trusted_schema", 0)] {
        let answer = database.number(&format!("SELECT {pragma} AS answer FROM pragma_{pragma}"));
        assert_eq!(answer, value, "{pragma}");
    }
    assert_eq!(
        database.number("SELECT timeout AS answer FROM pragma_busy_timeout"),
        20_000
    );
    let is_wal = "SELECT journal_mode = 'wal' AS answer FROM pragma_journal_mode";
    assert_eq!(database.number(is_wal), 1);
}

#[cfg(unix)]
#[test]
fn database_files_are_accessible_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let database = TestDatabase::sqlite();
    let store = database.open();
    insert_user(&store, 1);
    let mut names = Vec::new();
    for file in std::fs::read_dir(database.folder().expect("a folder")).expect("its files") {
        let file = file.expect("a file");
        let mode = file.metadata().expect("its metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.path().display());
        names.push(file.file_name().into_string().expect("a name"));
    }
    names.sort();
    assert_eq!(names, ["doorward.db", "doorward.db-shm", "doorward.db-wal"]);
}

#[test]
fn special_characters_in_a_path_have_no_special_meaning() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["file:a.db", "a?mode=memory.db", "100%.db", "ü b.db", ":memory:"] {
        let path = folder.path().join(name);
        migrate(&DatabaseUrl::sqlite(&path)).expect(name);
        assert!(
            path.metadata()
                .is_ok_and(|file| file.len() > 0 || path.with_extension("db-wal").exists()),
            "{name}"
        );
    }
}

#[test]
fn opening_something_other_than_a_database_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("text.db");
    std::fs::write(&text, "It was a dark and stormy night; ".repeat(100)).expect("a file");
    for path in [
        text,
        folder.path().join("missing/doorward.db"),
        folder.path().to_path_buf(),
    ] {
        let settings = DatabaseSettings {
            url: DatabaseUrl::sqlite(&path),
            max_connections: 1,
            acquire_timeout: Duration::from_secs(1),
        };
        let error = Database::open(&settings).expect_err("no database");
        assert!(matches!(error, OpenError::Unreachable(_)), "{error:?}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        assert!(matches!(migrate(&settings.url), Err(OpenError::Unreachable(_))));
    }
}

/// During a long write, another writer is rejected after its timeout, and readers do not wait.
#[test]
fn a_long_write_does_not_block_readers() {
    let database = TestDatabase::sqlite();
    let store = store_with(&database, 2, Duration::from_millis(300));
    let user = insert_user(&store, 1);
    let (started, has_started) = mpsc::channel();
    let (finish, may_finish) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let may_finish = may_finish;
            store.transaction::<_, StoreError>(|r| {
                r.users().delete(user.id)?;
                started.send(()).expect("a receiver");
                may_finish.recv().expect("a sender");
                Ok(())
            })
        });
        has_started.recv().expect("a transaction");
        let refused: Result<(), StoreError> = store.transaction(|_| panic!("two writers at once"));
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        let found: Result<Option<User>, StoreError> = store.snapshot(|r| r.users().find(user.id));
        assert_eq!(found, Ok(Some(user.clone())));
        // The check asks whether the store can be written too.
        assert!(matches!(store.check(), Err(StoreError::Unavailable(_))));
        finish.send(()).expect("a writer");
        assert_eq!(writing.join().expect("no panic"), Ok(()));
    });
}

/// Two stores stand for two processes, such as a server and a command.
#[test]
fn a_lock_of_another_process_is_waited_for_until_the_timeout() {
    let database = TestDatabase::sqlite();
    let mine = store_with(&database, 2, Duration::from_millis(300));
    let others = store_with(&database, 2, Duration::from_secs(20));
    let user = insert_user(&mine, 1);
    let (started, has_started) = mpsc::channel();
    let (finish, may_finish) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let holding = scope.spawn(|| {
            let may_finish = may_finish;
            others.transaction::<_, StoreError>(|r| {
                r.users().find(user.id)?;
                started.send(()).expect("a receiver");
                may_finish.recv().expect("a sender");
                Ok(())
            })
        });
        has_started.recv().expect("a transaction");
        let refused: Result<bool, StoreError> = mine.transaction(|r| r.users().delete(user.id));
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        let leaving = scope.spawn(|| {
            thread::sleep(Duration::from_millis(100));
            finish.send(()).expect("a holder");
        });
        let waited: Result<_, StoreError> =
            mine.transaction(|r| r.users().insert(&sample::user(2), &sample::digest("d")));
        assert!(waited.is_ok(), "{waited:?}");
        leaving.join().expect("no panic");
        assert_eq!(holding.join().expect("no panic"), Ok(()));
    });
}
