use core::time::Duration;
use std::thread;

use doorward_domain::account::User;
use doorward_domain::outcome::Outcome;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_persistence::test_support::TestDatabase;
use doorward_persistence::{Database, DatabaseSettings, migrate};
use doorward_testkit::sample;

/// Runs a test on SQLite and, if there is a server, on PostgreSQL.
pub(crate) fn on_each_database(test: impl Fn(&TestDatabase)) {
    test(&TestDatabase::sqlite());
    if let Some(database) = TestDatabase::postgres() {
        test(&database);
    }
}

/// A store on the migrated database with these limits.
pub(crate) fn store_with(
    database: &TestDatabase,
    max_connections: u32,
    acquire_timeout: Duration,
) -> Database {
    migrate(&database.parsed_url()).expect("migrations");
    let settings = DatabaseSettings {
        max_connections,
        acquire_timeout,
        ..database.settings()
    };
    Database::open(&settings).expect("a migrated database")
}

/// Inserts the sample account with that number.
pub(crate) fn insert_user(store: &Database, number: u32) -> User {
    let user = sample::user(number);
    let insertion = store.transaction(|r| r.users().insert(&user, &sample::digest("digest")));
    assert_eq!(insertion, Ok::<_, StoreError>(Outcome::Done(())));
    user
}

/// Repeats the attempt until it succeeds, for at most 20 seconds.
pub(crate) fn eventually<T>(mut attempt: impl FnMut() -> StoreResult<T>) -> T {
    let mut failures = 0;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(error) if failures == 200 => panic!("still failing: {error}"),
            Err(_) => {
                failures += 1;
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}
