//! The contract of `AttemptRepository`.

use doorward_domain::attempt::{AttemptKey, AttemptRecord, RecentAttempts};

use crate::contract::StoreUnderTest;
use crate::contract::edge_values::TIMES;
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

fn stored(store: &dyn StoreUnderTest, key: AttemptKey) -> Option<AttemptRecord> {
    store.write(|r| r.attempts().lock(&key))
}

/// A new record replaces the previous one of that account, and of no other.
pub fn the_latest_attempt_record_is_kept(store: &dyn StoreUnderTest) {
    assert_eq!(stored(store, KEY), None);
    put(store, KEY, 1);
    put(store, OTHER, 7);
    put(store, KEY, 2);
    assert_eq!(stored(store, KEY), Some(record(2)));
    assert_eq!(stored(store, OTHER), Some(record(7)));
}

/// A deleted record is gone, other accounts keep theirs, and deleting a missing record is no error.
pub fn deleted_attempt_records_are_gone(store: &dyn StoreUnderTest) {
    put(store, KEY, 1);
    put(store, OTHER, 7);
    for _ in 0..2 {
        store.write(|r| r.attempts().forget(&KEY));
        assert_eq!(stored(store, KEY), None);
    }
    assert_eq!(stored(store, OTHER), Some(record(7)));
    put(store, KEY, 3);
    assert_eq!(stored(store, KEY), Some(record(3)));
}

/// Locking alone stores no record.
pub fn a_lock_alone_stores_no_attempt_record(store: &dyn StoreUnderTest) {
    for _ in 0..2 {
        assert_eq!(stored(store, KEY), None);
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

/// A record is found without a lock, also in a reading transaction.
pub fn an_attempt_record_is_found_without_a_lock(store: &dyn StoreUnderTest) {
    let found = |key| store.read(|r| r.attempts().find(&key));
    assert_eq!(found(KEY), None);
    put(store, KEY, 1);
    put(store, OTHER, 7);
    assert_eq!(found(KEY), Some(record(1)));
    assert_eq!(found(OTHER), Some(record(7)));
    store.write(|r| r.attempts().forget(&KEY));
    assert_eq!(found(KEY), None);
}

/// Attempt records are read back unchanged.
pub fn attempt_records_are_read_back_unchanged(store: &dyn StoreUnderTest) {
    for bytes in [[0x00; 32], [0xff; 32], [0x80; 32]] {
        let key = AttemptKey::from_bytes(bytes);
        for (failures, last_at) in [0, 1, 0x8000_0000, u32::MAX].into_iter().cycle().zip(TIMES) {
            let mut recent = [failures.to_be_bytes()[3]; RecentAttempts::BYTES];
            recent[0] = 0x80;
            let record = AttemptRecord {
                failures,
                recent: RecentAttempts::from_bytes(&recent),
                last_at,
            };
            store.write(|r| {
                r.attempts().lock(&key)?;
                r.attempts().put(&key, &record)
            });
            assert_eq!(store.write(|r| r.attempts().lock(&key)), Some(record));
        }
    }
}
