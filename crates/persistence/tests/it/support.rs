use core::time::Duration;
use std::thread;

use doorward_domain::account::Insertion;
use doorward_domain::account::User;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_persistence::test_support::TestDatabase;
use doorward_persistence::{Database, DatabaseSettings, migrate};
use doorward_testkit::sample;

/// Runs a test on a database of each kind, as far as there is one.
pub(crate) fn on_each(test: impl Fn(&TestDatabase)) {
    test(&TestDatabase::sqlite());
    if let Some(database) = TestDatabase::postgres() {
        test(&database);
    }
}

/// A migrated store with so many connections, and so long a wait for each.
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
    Database::open(&settings).expect("a database that was just migrated")
}

/// Keeps the sample account of that number.
pub(crate) fn keep_user(store: &Database, number: u32) -> User {
    let user = sample::user(number);
    let insertion = store.transaction(|r| r.users().insert(&user, &sample::digest("digest")));
    assert_eq!(insertion, Ok::<_, StoreError>(Insertion::Done));
    user
}

/// Tries until it succeeds, for at most 20 seconds.
pub(crate) fn eventually<T>(mut attempt: impl FnMut() -> StoreResult<T>) -> T {
    let mut failures = 0;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(error) if failures == 200 => panic!("still {error}"),
            Err(_) => {
                failures += 1;
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}
