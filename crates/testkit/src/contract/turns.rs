//! Locks: who waits for whom, and what they find then.

use std::sync::mpsc;
use std::thread;

use doorward_domain::account::{User, UserStatus};
use doorward_domain::attempt::{AttemptKey, AttemptRecord, RecentAttempts};
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreError;

use super::StoreUnderTest;
use super::threads::{MOMENT, RACERS, assert_exclusive, race};
use crate::sample::{self, START};

/// Runs `holder`, which is given a function to call when it holds what is to be held, and meanwhile `waiter`.
fn while_held<T>(holder: impl FnOnce(&dyn Fn()) + Send, waiter: impl FnOnce() -> T) -> T {
    let (held, wait) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            holder(&|| {
                // Nobody listens any more when the work is run again.
                let _ = held.send(());
            });
        });
        wait.recv().expect("a holder that gets hold");
        waiter()
    })
}

/// Of the transactions that have locked an account, one is under way at a time.
pub fn an_account_is_locked_by_one_transaction_at_a_time(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    assert_exclusive(store, |r| r.users().lock(user.id).map(drop));
}

/// Of the transactions that have counted the administrators, one is under way at a time.
pub fn administrators_are_counted_by_one_transaction_at_a_time(store: &dyn StoreUnderTest) {
    store.keep(&sample::admin(1));
    assert_exclusive(store, |r| r.users().count_active_admins().map(drop));
}

/// They take turns where there is nobody to count, too.
pub fn administrators_are_counted_in_turns_though_there_are_none(store: &dyn StoreUnderTest) {
    assert_exclusive(store, |r| r.users().count_active_admins().map(drop));
}

/// Of the transactions that have locked the attempts on an account, one is under way at a time.
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

/// They take turns where nothing is remembered yet, too.
pub fn first_attempts_are_locked_by_one_transaction_at_a_time(store: &dyn StoreUnderTest) {
    let key = AttemptKey::from_bytes([1; 32]);
    assert_exclusive(store, |r| r.attempts().lock(&key).map(drop));
}

/// Whoever waited for an account finds it as it was left, in every part, although they had looked at it before.
pub fn a_lock_finds_what_the_transaction_before_left(store: &dyn StoreUnderTest) {
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

/// Whoever waited for an account that was deleted meanwhile finds none.
pub fn a_lock_finds_nothing_where_the_account_was_deleted(store: &dyn StoreUnderTest) {
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

/// Whoever waited for a transaction that was rolled back finds the account as it was before.
pub fn a_lock_finds_nothing_of_what_was_rolled_back(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let try_in_vain = |held: &dyn Fn()| {
        let outcome: Result<(), StoreError> = store.store().transaction(|r| {
            r.users().lock(user.id)?;
            r.users().update(&User {
                roles: sample::roles(&["admin"]),
                ..user.clone()
            })?;
            held();
            thread::sleep(20 * MOMENT);
            Err(StoreError::Unavailable(
                "a use case that changed its mind".to_owned(),
            ))
        });
        assert!(outcome.is_err());
    };
    let found = while_held(try_in_vain, || store.write(|r| r.users().lock(user.id)));
    assert_eq!(found, Some(user));
}

/// Whoever waited to count the administrators counts those that were left, although they had looked before.
pub fn a_count_finds_what_the_transaction_before_left(store: &dyn StoreUnderTest) {
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

/// Whoever waited for the attempts on an account finds those that were put meanwhile, although they had looked at other
/// things before.
pub fn attempts_are_found_as_the_transaction_before_left_them(store: &dyn StoreUnderTest) {
    let key = AttemptKey::from_bytes([1; 32]);
    let record = AttemptRecord {
        failures: 1,
        recent: RecentAttempts::at_once(1),
        last_at: START,
    };
    let guess = |held: &dyn Fn()| {
        store.write(|r| {
            r.attempts().lock(&key)?;
            held();
            thread::sleep(20 * MOMENT);
            r.attempts().put(&key, &record)
        });
    };
    let found = while_held(guess, || {
        store.write(|r| {
            r.users().find(sample::user(1).id)?;
            r.attempts().lock(&key)
        })
    });
    assert_eq!(found, Some(record));
}

/// Changes made under the lock all count: none is made on what another has changed meanwhile.
pub fn no_change_of_an_account_is_lost(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    race(RACERS, |_| {
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
    assert_eq!(version, Some(1 + 5 * u32::try_from(RACERS).expect("few racers")));
}

/// Guesses counted under the lock all count, from the very first ones at once.
pub fn no_guess_goes_uncounted(store: &dyn StoreUnderTest) {
    for round in 0..8 {
        let key = AttemptKey::from_bytes([round; 32]);
        race(RACERS, |_| {
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
            Some(2 * u32::try_from(RACERS).expect("few racers")),
            "round {round}"
        );
    }
}
