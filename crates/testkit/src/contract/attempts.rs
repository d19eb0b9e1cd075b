//! Attempts: what `AttemptRepository` promises.

use doorward_domain::attempt::{AttemptKey, AttemptRecord, RecentAttempts};

use super::StoreUnderTest;
use crate::sample::START;

const KEY: AttemptKey = AttemptKey::from_bytes([1; 32]);
const OTHER: AttemptKey = AttemptKey::from_bytes([2; 32]);

fn record(failures: u32) -> AttemptRecord {
    AttemptRecord {
        failures,
        recent: RecentAttempts::at_once(failures),
        last_at: START,
    }
}

fn put(store: &dyn StoreUnderTest, key: AttemptKey, failures: u32) {
    store.write(|r| {
        r.attempts().lock(&key)?;
        r.attempts().put(&key, &record(failures))
    });
}

fn remembered(store: &dyn StoreUnderTest, key: AttemptKey) -> Option<AttemptRecord> {
    store.write(|r| r.attempts().lock(&key))
}

/// What is put replaces what was remembered of that account, and of no other.
pub fn the_latest_attempts_are_remembered(store: &dyn StoreUnderTest) {
    assert_eq!(remembered(store, KEY), None);
    put(store, KEY, 1);
    put(store, OTHER, 7);
    put(store, KEY, 2);
    assert_eq!(remembered(store, KEY), Some(record(2)));
    assert_eq!(remembered(store, OTHER), Some(record(7)));
}

/// What is forgotten is not remembered, another account's is, and forgetting nothing is no error.
pub fn forgotten_attempts_are_gone(store: &dyn StoreUnderTest) {
    put(store, KEY, 1);
    put(store, OTHER, 7);
    for _ in 0..2 {
        store.write(|r| r.attempts().forget(&KEY));
        assert_eq!(remembered(store, KEY), None);
    }
    assert_eq!(remembered(store, OTHER), Some(record(7)));
    put(store, KEY, 3);
    assert_eq!(remembered(store, KEY), Some(record(3)));
}

/// Looking under a lock leaves nothing behind: an account that was only looked at is still unknown.
pub fn a_lock_alone_remembers_nothing(store: &dyn StoreUnderTest) {
    for _ in 0..2 {
        assert_eq!(remembered(store, KEY), None);
    }
    let seen = store.write(|r| {
        r.attempts().lock(&KEY)?;
        r.attempts().put(&KEY, &record(1))?;
        let seen = r.attempts().lock(&KEY)?;
        r.attempts().forget(&KEY)?;
        Ok((seen, r.attempts().lock(&KEY)?))
    });
    assert_eq!(
        seen,
        (Some(record(1)), None),
        "a transaction sees what it put and forgot"
    );
}

/// Looking without a lock finds what is remembered, in a transaction that reads too.
pub fn what_is_found_is_what_is_remembered(store: &dyn StoreUnderTest) {
    let found = |key| store.read(|r| r.attempts().find(&key));
    assert_eq!(found(KEY), None);
    put(store, KEY, 1);
    put(store, OTHER, 7);
    assert_eq!(found(KEY), Some(record(1)));
    assert_eq!(found(OTHER), Some(record(7)));
    store.write(|r| r.attempts().forget(&KEY));
    assert_eq!(found(KEY), None);
}
