//! Statements that run without a transaction.

use doorward_domain::attempt::{AttemptKey, AttemptRecord, RecentAttempts};
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreError;
use doorward_persistence::Database;
use doorward_persistence::test_support::TestDatabase;
use doorward_testkit::sample::START;

use crate::support::{insert_user, on_each_database};

const KEY: AttemptKey = AttemptKey::from_bytes([1; 32]);

fn record(failures: u32) -> AttemptRecord {
    AttemptRecord {
        failures,
        recent: RecentAttempts::at_once(failures),
        last_at: START,
    }
}

/// Counts the first attempt.
pub(crate) fn count(store: &Database) -> Result<bool, StoreError> {
    store.single_write(|r| r.attempts().replace(&KEY, None, Some(&record(1))))
}

/// Otherwise a use case that needs a transaction could run without one.
#[test]
fn a_second_call_and_a_call_of_several_statements_are_refused() {
    on_each_database(|database| {
        let store = database.open();
        let user = insert_user(&store, 1);
        let is_refused = |outcome: Result<(), StoreError>| {
            assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
        };
        is_refused(store.single_read(|r| {
            r.users().find(user.id)?;
            r.users().find(user.id).map(drop)
        }));
        is_refused(store.single_read(|r| r.users().lock(user.id).map(drop)));
        is_refused(store.single_read(|r| r.attempts().replace(&KEY, None, Some(&record(1))).map(drop)));
        is_refused(store.single_write(|r| r.users().delete(user.id).map(drop)));
        assert_eq!(
            store.single_read(|r| r.users().find(user.id)),
            Ok(Some(user.clone()))
        );
        assert_eq!(store.single_read(|r| r.attempts().find(&KEY)), Ok(None));
        assert_eq!(count(&store), Ok(true));
        assert_eq!(
            store.single_read(|r| r.attempts().find(&KEY)),
            Ok(Some(record(1)))
        );
    });
}

/// As for transactions, which set theirs.
#[test]
fn another_default_isolation_level_of_the_database_does_not_apply() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    drop(database.open());
    let name = database.url().rsplit('/').next().expect("a name").to_owned();
    database.execute(&format!(
        "ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"
    ));
    // Fails the statement in any other isolation level.
    database.execute(
        "ALTER TABLE attempts ADD CHECK (current_setting('transaction_isolation') = 'read committed')",
    );
    let store = database.open();
    assert_eq!(count(&store), Ok(true));
}
