//! Locks: which transactions wait, and which state they see then.

use std::sync::mpsc;
use std::thread;

use doorward_domain::account::{Credentials, DisplayName, User, UserStatus};
use doorward_domain::attempt::{AttemptKey, AttemptRecord, RecentAttempts};
use doorward_domain::id::UserId;
use doorward_domain::store::{Repositories, Transactions};
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

/// A transaction that has locked an account, which was unchanged, excludes others that lock it.
pub fn an_unchanged_account_is_locked_by_one_transaction_at_a_time(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let known = credentials(store, user.id);
    assert_exclusive(store, |r| {
        assert!(r.users().lock_unchanged(&known)?);
        Ok(())
    });
}

fn credentials(store: &dyn StoreUnderTest, user: UserId) -> Credentials {
    store
        .read(|r| r.users().find_credentials(user))
        .expect("an account")
}

/// An account that was changed in any field, or got another password, or was deleted, is not unchanged; one whose password was
/// hashed again is.
pub fn a_changed_account_is_not_locked_as_unchanged(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let mut known = credentials(store, user.id);
    let first = known.password_version;
    let is_unchanged = |known: &Credentials| store.write(|r| r.users().lock_unchanged(known));
    assert!(is_unchanged(&known));
    let digest = sample::digest("hashed again");
    let rehash = |version| store.write(|r| r.users().set_digest(user.id, &digest, first, version));
    assert!(rehash(first));
    assert!(is_unchanged(&known));
    let mut renamed = user.clone();
    renamed.set_name(DisplayName::parse("Another name").ok(), user.updated_at);
    let mut disabled = renamed.clone();
    disabled.set_status(UserStatus::Disabled, user.updated_at);
    let mut promoted = disabled.clone();
    promoted.set_roles(sample::roles(&["admin", "billing"]), user.updated_at);
    let mut touched = promoted.clone();
    touched.updated_at = user.updated_at + MOMENT;
    for changed in [renamed, disabled, promoted, touched] {
        store.write(|r| {
            r.users().lock(user.id)?;
            r.users().update(&changed)
        });
        assert!(!is_unchanged(&known), "{changed:?}");
        known = credentials(store, user.id);
        assert!(is_unchanged(&known));
    }
    assert!(rehash(first.next()));
    assert!(!is_unchanged(&known));
    let known = credentials(store, user.id);
    store.write(|r| r.users().delete(user.id));
    assert!(!is_unchanged(&known));
}

/// A transaction that waits for the lock of an account finds it changed if the one before has changed it, and unchanged if that
/// was rolled back.
pub fn an_account_that_changes_while_its_lock_is_awaited_is_not_unchanged(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    for rolls_back in [true, false] {
        let known = credentials(store, user.id);
        let change = |held: &dyn Fn()| {
            let outcome: Result<(), StoreError> = store.store().transaction(|r| {
                let Some(mut user) = r.users().lock(user.id)? else {
                    return Ok(());
                };
                user.set_status(UserStatus::Disabled, START);
                r.users().update(&user)?;
                held();
                thread::sleep(20 * MOMENT);
                if rolls_back {
                    return Err(StoreError::Unavailable("a rolled-back use case".to_owned()));
                }
                Ok(())
            });
            assert_eq!(outcome.is_err(), rolls_back);
        };
        let is_unchanged = while_held(change, || store.write(|r| r.users().lock_unchanged(&known)));
        assert_eq!(is_unchanged, rolls_back);
    }
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

/// Of two transactions that replace the same attempt record, the second waits for the first, changes nothing, and then reads what
/// the first has stored, although it had read another record earlier. Also when there was no record.
pub fn an_attempt_record_is_not_replaced_twice_by_concurrent_transactions(store: &dyn StoreUnderTest) {
    let key = AttemptKey::from_bytes([1; 32]);
    let record = |failures| AttemptRecord {
        failures,
        recent: RecentAttempts::at_once(failures),
        last_at: START,
    };
    for (before, after) in [
        (None, Some(record(1))),
        (Some(record(1)), Some(record(2))),
        (Some(record(2)), None),
    ] {
        let first = |held: &dyn Fn()| {
            let replaced = store.write(|r| {
                let replaced = r.attempts().replace(&key, before.as_ref(), after.as_ref())?;
                held();
                thread::sleep(20 * MOMENT);
                Ok(replaced)
            });
            assert!(replaced);
        };
        let second = while_held(first, || {
            store.write(|r| {
                r.users().find(sample::user(1).id)?;
                let replaced = r.attempts().replace(&key, before.as_ref(), Some(&record(9)))?;
                Ok((replaced, r.attempts().find(&key)?))
            })
        });
        assert_eq!(second, (false, after));
    }
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

/// Concurrent attempts are all counted, including the first ones, when each is counted on the record that it has read; in a
/// transaction or as single statements.
pub fn concurrent_attempts_are_all_counted(store: &dyn StoreUnderTest) {
    for round in 0..8 {
        let key = AttemptKey::from_bytes([round; 32]);
        let count = |r: &mut dyn Repositories, before: Option<AttemptRecord>| {
            let failures = before.map_or(0, |record| record.failures) + 1;
            thread::yield_now();
            let after = AttemptRecord {
                failures,
                recent: RecentAttempts::at_once(failures),
                last_at: START,
            };
            r.attempts().replace(&key, before.as_ref(), Some(&after))
        };
        let count_once = |is_single: bool| {
            if is_single {
                let before = store.single_read(|r| r.attempts().find(&key));
                store.single_write(|r| count(r, before))
            } else {
                store.write(|r| {
                    let before = r.attempts().find(&key)?;
                    count(r, before)
                })
            }
        };
        race(THREADS, |number| {
            for _ in 0..2 {
                while !count_once(number % 2 == 0) {}
            }
        });
        let counted = store
            .read(|r| r.attempts().find(&key))
            .map(|record| record.failures);
        assert_eq!(
            counted,
            Some(2 * u32::try_from(THREADS).expect("few threads")),
            "round {round}"
        );
    }
}
