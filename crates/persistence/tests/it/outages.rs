//! Outages: databases that are busy, unreachable, or temporarily lost.

use core::time::Duration;
use std::sync::mpsc;
use std::thread;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use doorward_domain::account::User;
use doorward_domain::attempt::AttemptKey;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;
use doorward_persistence::test_support::TestDatabase;
use doorward_persistence::{Database, DatabaseSettings, DatabaseUrl, OpenError, migrate};
use doorward_testkit::sample;

use crate::support::{eventually, insert_user, on_each_database, store_with};

/// Closes every other connection to the database, as a restart of the server would.
const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[test]
fn an_exhausted_pool_is_unavailable_after_the_timeout() {
    on_each_database(|database| {
        let store = store_with(database, 1, Duration::from_millis(300));
        let user = insert_user(&store, 1);
        let (started, has_started) = mpsc::channel();
        let (finish, may_finish) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let holding = scope.spawn(|| {
                let may_finish = may_finish;
                store.snapshot::<_, StoreError>(|r| {
                    r.users().find(user.id)?;
                    started.send(()).expect("a receiver");
                    may_finish.recv().expect("a sender");
                    Ok(())
                })
            });
            has_started.recv().expect("a transaction");
            let found: Result<Option<User>, StoreError> = store.snapshot(|r| r.users().find(user.id));
            assert!(matches!(found, Err(StoreError::Unavailable(_))), "{found:?}");
            assert!(matches!(store.check(), Err(StoreError::Unavailable(_))));
            finish.send(()).expect("a holder");
            assert_eq!(holding.join().expect("no panic"), Ok(()));
        });
        assert_eq!(store.check(), Ok(()));
    });
}

/// All pooled connections are lost, and no transaction fails because of that.
#[test]
fn lost_connections_are_replaced_without_an_error() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let store = store_with(&database, 4, Duration::from_secs(5));
    let user = insert_user(&store, 1);
    for _ in 0..3 {
        // Time for the pool to open connections.
        thread::sleep(Duration::from_millis(200));
        database.execute(TERMINATE);
        assert_eq!(store.check(), Ok(()));
        thread::sleep(Duration::from_millis(200));
        database.execute(TERMINATE);
        let found: Result<Option<User>, StoreError> = store.snapshot(|r| r.users().find(user.id));
        assert_eq!(found, Ok(Some(user.clone())));
        let name = store.transaction::<_, StoreError>(|r| r.users().update(&user));
        assert_eq!(name, Ok(true));
        thread::sleep(Duration::from_millis(200));
        database.execute(TERMINATE);
        let found = store.single_read(|r| r.users().find(user.id));
        assert_eq!(found, Ok(Some(user.clone())));
        thread::sleep(Duration::from_millis(200));
        database.execute(TERMINATE);
        let key = AttemptKey::from_bytes([1; 32]);
        let replaced = store.single_write(|r| r.attempts().replace(&key, None, None));
        assert_eq!(replaced, Ok(true));
    }
}

/// A loss inside a transaction cannot be hidden, but it is not reported as "no such user", nothing is kept, and the next
/// transaction succeeds.
#[test]
fn a_connection_lost_in_a_transaction_is_unavailable_and_then_replaced() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let store = store_with(&database, 2, Duration::from_secs(5));
    let user = insert_user(&store, 1);
    for commit in [false, true] {
        let outcome: Result<(), StoreError> = store.transaction(|r| {
            assert!(r.users().delete(user.id)?);
            database.execute(TERMINATE);
            if !commit {
                assert!(matches!(r.users().find(user.id), Err(StoreError::Unavailable(_))));
            }
            Ok(())
        });
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
        let found: Result<Option<User>, StoreError> = store.snapshot(|r| r.users().find(user.id));
        assert_eq!(found, Ok(Some(user.clone())));
    }
}

#[test]
fn transactions_fail_fast_during_an_outage_and_succeed_after_it() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let store = store_with(&database, 4, Duration::from_secs(2));
    let user = insert_user(&store, 1);
    let find = || store.snapshot::<_, StoreError>(|r| r.users().find(user.id));
    let name = database.url().rsplit('/').next().expect("a name").to_owned();
    let server = database.url().replace(&name, "postgres");
    let mut server = PgConnection::establish(&server).expect("the server");
    server
        .batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        .expect("closed");
    let terminate = TERMINATE.replace("current_database()", &format!("'{name}'"));
    server.batch_execute(&terminate).expect("terminated");
    // The first may wait for a connection that is being made.
    let first = find();
    assert!(matches!(first, Err(StoreError::Unavailable(_))), "{first:?}");
    let (answered, answers) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| (0..5).for_each(|_| answered.send(find()).expect("a receiver")));
        for _ in 0..5 {
            let outcome = answers
                .recv_timeout(Duration::from_secs(1))
                .expect("an answer well within the wait");
            assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
        }
    });
    server
        .batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
        .expect("open");
    assert_eq!(eventually(find), Some(user));
}

#[test]
fn a_missing_server_is_unreachable_and_the_password_not_shown() {
    // Nothing listens on port 1 of this machine.
    let url = DatabaseUrl::parse("postgres://ada:hunter2@127.0.0.1:1/doorward").expect("a database URL");
    let settings = DatabaseSettings {
        url,
        max_connections: 1,
        acquire_timeout: Duration::from_secs(1),
    };
    for result in [
        Database::open(&settings).map(drop),
        migrate(&settings.url).map(drop),
    ] {
        let Err(OpenError::Unreachable(reason)) = &result else {
            panic!("{result:?}")
        };
        assert!(
            reason.contains("127.0.0.1") && !reason.contains("hunter2"),
            "{reason}"
        );
    }
}

/// An instance that hangs may never release its locks.
#[test]
fn waiting_for_a_lock_ends_after_the_statement_timeout() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let store = store_with(&database, 2, Duration::from_secs(5));
    let user = insert_user(&store, 1);
    let options = "options=-c%20statement_timeout%3D300";
    let url = DatabaseUrl::parse(&format!("{}?{options}", database.url())).expect("a database URL");
    let impatient = Database::open(&DatabaseSettings {
        url,
        ..database.settings()
    })
    .expect("a store");
    let (started, has_started) = mpsc::channel();
    let (finish, may_finish) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(|| {
            let may_finish = may_finish;
            store.transaction::<_, StoreError>(|r| {
                r.users().lock(user.id)?;
                started.send(()).expect("a receiver");
                may_finish.recv().expect("a sender");
                Ok(())
            })
        });
        has_started.recv().expect("a transaction");
        let refused: Result<bool, StoreError> = impatient.transaction(|r| r.users().delete(user.id));
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        finish.send(()).expect("a holder");
    });
    let done: Result<_, StoreError> =
        impatient.transaction(|r| r.users().insert(&sample::user(2), &sample::digest("d")));
    assert!(done.is_ok(), "{done:?}");
}

#[test]
fn connections_set_timeouts_and_application_name_on_the_server() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    for (setting, milliseconds) in [
        ("statement_timeout", 4_000),
        ("idle_in_transaction_session_timeout", 15_000),
    ] {
        let sql = format!("SELECT setting::bigint AS answer FROM pg_settings WHERE name = '{setting}'");
        assert_eq!(database.number(&sql), milliseconds, "{setting}");
    }
    let named = "SELECT count(*) AS answer FROM pg_stat_activity WHERE pid = pg_backend_pid() AND application_name = 'doorward'";
    assert_eq!(database.number(named), 1);
}
