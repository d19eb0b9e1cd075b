//! Locks: which transactions wait, and which state they see then.

use std::sync::mpsc;
use std::thread;

use doorward_domain::account::{User, UserStatus};
use doorward_domain::attempt::{AttemptKey, AttemptRecord, RecentAttempts};
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreError;

use crate::contract::StoreUnderTest;
use crate::contract::store::threads::{MOMENT, THREADS, assert_exclusive, race};
use crate::sample::{self, START};

/// Runs `waiter` while `holder` runs, once `holder` has called the function that it is given.
fn while_held<T>(holder: impl FnOnce(&dyn Fn()) + Send, waiter: impl FnOnce() -> T) -> T {
    let (held, wait) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            holder(&|| {
                // There is no receiver any more when the work is run again.
                let _ = held.send(());
            });
        });
        wait.recv().expect("a holder that gets the lock");
        waiter()
    })
}

/// A transaction that has locked an account excludes others that lock it.
pub fn an_account_is_locked_by_one_transaction_at_a_time(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    assert_exclusive(store, |r| r.users().lock(user.id).map(drop));
}

/// A transaction that has counted the administrators excludes others that count them.
pub fn administrators_are_counted_by_one_transaction_at_a_time(store: &dyn StoreUnderTest) {
    store.keep(&sample::admin(1));
    assert_exclusive(store, |r| r.users().count_active_admins().map(drop));
}

/// Counting is exclusive even if there are no administrators.
pub fn counting_administrators_is_exclusive_even_without_any(store: &dyn StoreUnderTest) {
    assert_exclusive(store, |r| r.users().count_active_admins().map(drop));
}

/// A transaction that has locked the attempts on an account excludes others that lock them.
pub fn attempts_are_locked_by_one_transaction_at_a_time(store: &dyn StoreUnderTest) {
    let key = AttemptKey::from_bytes([1; 32]);
    let record = AttemptRecord {
        failures: 1,
        recent: RecentAttempts::at_once(1),
        last_at: START,
    };
    store.write(|r| {
        r.attempts().lock(&key)?;
        r.attempts().put(&key, &record)
    });
    assert_exclusive(store, |r| r.attempts().lock(&key).map(drop));
}

/// Locking is exclusive even if there is no record yet.
pub fn first_attempts_are_locked_by_one_transaction_at_a_time(store: &dyn StoreUnderTest) {
    let key = AttemptKey::from_bytes([1; 32]);
    assert_exclusive(store, |r| r.attempts().lock(&key).map(drop));
}

/// A waiting transaction sees the account as committed before it, although it had read it earlier.
pub fn an_account_lock_returns_the_state_committed_before_it(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let mut changed = user.clone();
    changed.set_roles(sample::roles(&["admin", "billing"]), START);
    changed.set_status(UserStatus::Disabled, START);
    let change = |held: &dyn Fn()| {
        store.write(|r| {
            r.users().lock(user.id)?;
            held();
            thread::sleep(20 * MOMENT);
            r.users().update(&changed)
        });
    };
    let found = while_held(change, || {
        store.write(|r| {
            r.users().find(user.id)?;
            r.users().lock(user.id)
        })
    });
    assert_eq!(found, Some(changed));
}

/// A waiting transaction finds no account if it was deleted meanwhile.
pub fn locking_a_deleted_account_returns_none(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let delete = |held: &dyn Fn()| {
        store.write(|r| {
            r.users().lock(user.id)?;
            held();
            thread::sleep(20 * MOMENT);
            r.users().delete(user.id)
        });
    };
    let found = while_held(delete, || store.write(|r| r.users().lock(user.id)));
    assert_eq!(found, None);
}

/// A waiting transaction sees the original account if the one before it was rolled back.
pub fn an_account_lock_returns_the_original_state_after_a_rollback(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let update_and_roll_back = |held: &dyn Fn()| {
        let outcome: Result<(), StoreError> = store.store().transaction(|r| {
            r.users().lock(user.id)?;
            r.users().update(&User {
                roles: sample::roles(&["admin"]),
                ..user.clone()
            })?;
            held();
            thread::sleep(20 * MOMENT);
            Err(StoreError::Unavailable("a rolled-back use case".to_owned()))
        });
        assert!(outcome.is_err());
    };
    let found = while_held(update_and_roll_back, || store.write(|r| r.users().lock(user.id)));
    assert_eq!(found, Some(user));
}

/// A waiting transaction counts the administrators as committed before it, although it had read one earlier.
pub fn an_administrator_count_sees_the_state_committed_before_it(store: &dyn StoreUnderTest) {
    for number in 1..=2 {
        store.keep(&sample::admin(number));
    }
    let demote = |held: &dyn Fn()| {
        store.write(|r| {
            r.users().count_active_admins()?;
            held();
            thread::sleep(20 * MOMENT);
            r.users().lock(sample::user(1).id)?;
            r.users().update(&sample::user(1))
        });
    };
    let counted = while_held(demote, || {
        store.write(|r| {
            r.users().find(sample::user(1).id)?;
            r.users().count_active_admins()
        })
    });
    assert_eq!(counted, 1);
}

/// A waiting transaction sees the attempts as committed before it, although it had read something else earlier.
pub fn an_attempt_lock_returns_the_state_committed_before_it(store: &dyn StoreUnderTest) {
    let key = AttemptKey::from_bytes([1; 32]);
    let record = AttemptRecord {
        failures: 1,
        recent: RecentAttempts::at_once(1),
        last_at: START,
    };
    let attempt = |held: &dyn Fn()| {
        store.write(|r| {
            r.attempts().lock(&key)?;
            held();
            thread::sleep(20 * MOMENT);
            r.attempts().put(&key, &record)
        });
    };
    let found = while_held(attempt, || {
        store.write(|r| {
            r.users().find(sample::user(1).id)?;
            r.attempts().lock(&key)
        })
    });
    assert_eq!(found, Some(record));
}

/// Concurrent updates under the lock are all applied: no update is lost.
pub fn concurrent_account_updates_are_all_applied(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    race(THREADS, |_| {
        for _ in 0..5 {
            let updated = store.write(|r| {
                let Some(mut user) = r.users().lock(user.id)? else {
                    return Ok(false);
                };
                user.version = user.version.next();
                r.users().update(&user)
            });
            assert!(updated);
        }
    });
    let version = store.user(user.id).map(|user| user.version.get());
    assert_eq!(
        version,
        Some(1 + 5 * u32::try_from(THREADS).expect("few threads"))
    );
}

/// Concurrent attempts under the lock are all counted, including the first ones.
pub fn concurrent_attempts_are_all_counted(store: &dyn StoreUnderTest) {
    for round in 0..8 {
        let key = AttemptKey::from_bytes([round; 32]);
        race(THREADS, |_| {
            for _ in 0..2 {
                store.write(|r| {
                    let failures = r.attempts().lock(&key)?.map_or(0, |record| record.failures) + 1;
                    thread::yield_now();
                    let record = AttemptRecord {
                        failures,
                        recent: RecentAttempts::at_once(failures),
                        last_at: START,
                    };
                    r.attempts().put(&key, &record)
                });
            }
        });
        let counted = store
            .write(|r| r.attempts().lock(&key))
            .map(|record| record.failures);
        assert_eq!(
            counted,
            Some(2 * u32::try_from(THREADS).expect("few threads")),
            "round {round}"
        );
    }
}
