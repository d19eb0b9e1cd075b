//! What is particular to SQLite: how its connections are set up, and its one writer.

use core::time::Duration;
use std::sync::mpsc;
use std::thread;

use doorward_domain::account::User;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;
use doorward_persistence::test_support::TestDatabase;
use doorward_persistence::{Database, DatabaseSettings, DatabaseUrl, OpenError, migrate};
use doorward_testkit::sample;

use crate::support::{keep_user, store_with};

/// The functions that stand for pragmas ask the connection they run on.
#[test]
fn connections_are_set_up_as_said() {
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
fn the_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let database = TestDatabase::sqlite();
    let store = database.open();
    keep_user(&store, 1);
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
fn a_path_with_odd_characters_is_a_path() {
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
fn what_is_no_database_cannot_be_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let novel = folder.path().join("novel.db");
    std::fs::write(&novel, "It was a dark and stormy night; ".repeat(100)).expect("a file");
    for path in [
        novel,
        folder.path().join("missing/doorward.db"),
        folder.path().to_path_buf(),
    ] {
        let settings = DatabaseSettings {
            url: DatabaseUrl::sqlite(&path),
            max_connections: 1,
            acquire_timeout: Duration::from_secs(1),
        };
        let refused = Database::open(&settings).expect_err("no database");
        assert!(matches!(refused, OpenError::Unreachable(_)), "{refused:?}");
        assert!(
            refused.to_string().contains(&path.display().to_string()),
            "{refused}"
        );
        assert!(matches!(migrate(&settings.url), Err(OpenError::Unreachable(_))));
    }
}

/// One writes and dwells; whoever wants to write meanwhile is turned away in time, whoever reads is not kept waiting.
#[test]
fn a_writer_that_dwells_does_not_hold_up_readers() {
    let database = TestDatabase::sqlite();
    let store = store_with(&database, 2, Duration::from_millis(300));
    let user = keep_user(&store, 1);
    let (inside, told) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let dwelling = scope.spawn(|| {
            let left = left;
            store.transaction::<_, StoreError>(|r| {
                r.users().delete(user.id)?;
                inside.send(()).expect("a listener");
                left.recv().expect("leave");
                Ok(())
            })
        });
        told.recv().expect("inside");
        let refused: Result<(), StoreError> = store.transaction(|_| panic!("let in beside another writer"));
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        let found: Result<Option<User>, StoreError> = store.snapshot(|r| r.users().find(user.id));
        assert_eq!(found, Ok(Some(user.clone())));
        assert_eq!(store.check(), Ok(()));
        leave.send(()).expect("a dweller");
        assert_eq!(dwelling.join().expect("no panic"), Ok(()));
    });
}

/// As the command line is beside a server: the lock of another process is waited for, for as long as is allowed.
#[test]
fn the_lock_of_another_process_is_waited_for() {
    let database = TestDatabase::sqlite();
    let mine = store_with(&database, 2, Duration::from_millis(300));
    let others = store_with(&database, 2, Duration::from_secs(20));
    let user = keep_user(&mine, 1);
    let (inside, told) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let holding = scope.spawn(|| {
            let left = left;
            others.transaction::<_, StoreError>(|r| {
                r.users().find(user.id)?;
                inside.send(()).expect("a listener");
                left.recv().expect("leave");
                Ok(())
            })
        });
        told.recv().expect("inside");
        let refused: Result<bool, StoreError> = mine.transaction(|r| r.users().delete(user.id));
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        let leaving = scope.spawn(|| {
            thread::sleep(Duration::from_millis(100));
            leave.send(()).expect("a holder");
        });
        let waited: Result<_, StoreError> =
            mine.transaction(|r| r.users().insert(&sample::user(2), &sample::digest("d")));
        assert!(waited.is_ok(), "{waited:?}");
        leaving.join().expect("no panic");
        assert_eq!(holding.join().expect("no panic"), Ok(()));
    });
}
