//! The contract of `AttemptRepository`.

use core::time::Duration;

use doorward_domain::attempt::{AttemptKey, AttemptRecord, AttemptState, RecentAttempts};
use doorward_domain::store::Repositories;

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

/// Replaces whatever record there is.
fn put(store: &dyn StoreUnderTest, key: AttemptKey, record: &AttemptRecord) {
    let replaced = store.write(|r| {
        let before = r.attempts().find(&key)?;
        r.attempts().replace(&key, before.as_ref(), Some(record))
    });
    assert!(replaced);
}

fn stored(store: &dyn StoreUnderTest, key: AttemptKey) -> Option<AttemptRecord> {
    store.read(|r| r.attempts().find(&key))
}

/// A new record replaces the previous one of that account, and of no other.
pub fn the_latest_attempt_record_is_kept(store: &dyn StoreUnderTest) {
    assert_eq!(stored(store, KEY), None);
    put(store, KEY, &record(1));
    put(store, OTHER, &record(7));
    put(store, KEY, &record(2));
    assert_eq!(stored(store, KEY), Some(record(2)));
    assert_eq!(stored(store, OTHER), Some(record(7)));
}

/// A deleted record is gone, other accounts keep theirs, and deleting a missing record is no error.
pub fn deleted_attempt_records_are_gone(store: &dyn StoreUnderTest) {
    put(store, KEY, &record(1));
    put(store, OTHER, &record(7));
    for _ in 0..2 {
        store.write(|r| r.attempts().forget(&KEY));
        assert_eq!(stored(store, KEY), None);
    }
    assert_eq!(stored(store, OTHER), Some(record(7)));
    put(store, KEY, &record(3));
    assert_eq!(stored(store, KEY), Some(record(3)));
}

/// A record is replaced, inserted or deleted only if it is the expected one in every field; otherwise nothing changes. Both
/// in a transaction and as a single statement.
pub fn an_attempt_record_is_replaced_only_if_it_is_the_expected_one(store: &dyn StoreUnderTest) {
    let later = AttemptRecord {
        last_at: START + Duration::from_micros(1),
        ..record(1)
    };
    let more_recent = AttemptRecord {
        recent: RecentAttempts::at_once(2),
        ..record(1)
    };
    let (first, second) = (record(1), record(2));
    let steps = [
        (Some(&first), Some(&second), false),
        (Some(&first), None, false),
        (None, Some(&first), true),
        (None, Some(&second), false),
        (Some(&second), Some(&first), false),
        (Some(&later), Some(&second), false),
        (Some(&more_recent), Some(&second), false),
        (Some(&later), None, false),
        (Some(&more_recent), None, false),
        (Some(&first), Some(&second), true),
        (Some(&second), Some(&second), true),
        (Some(&first), None, false),
        (None, None, false),
        (Some(&second), None, true),
        (Some(&second), None, false),
        (None, None, true),
    ];
    for is_single in [false, true] {
        let mut current = None;
        for (step, (before, after, is_replaced)) in steps.iter().enumerate() {
            let replace = |r: &mut dyn Repositories| r.attempts().replace(&KEY, *before, *after);
            let replaced = if is_single {
                store.single_write(replace)
            } else {
                store.write(replace)
            };
            assert_eq!(replaced, *is_replaced, "step {step}");
            if replaced {
                current = after.copied();
            }
            assert_eq!(stored(store, KEY), current, "step {step}");
            assert_eq!(store.single_read(|r| r.attempts().find(&KEY)), current);
        }
    }
}

/// A transaction sees what it has replaced.
pub fn a_transaction_sees_the_attempt_record_that_it_replaced(store: &dyn StoreUnderTest) {
    let seen = store.write(|r| {
        r.attempts().replace(&KEY, None, Some(&record(1)))?;
        let inserted = r.attempts().find(&KEY)?;
        r.attempts().replace(&KEY, Some(&record(1)), Some(&record(2)))?;
        let replaced = r.attempts().find(&KEY)?;
        r.attempts().forget(&KEY)?;
        Ok([inserted, replaced, r.attempts().find(&KEY)?])
    });
    assert_eq!(seen, [Some(record(1)), Some(record(2)), None]);
}

/// The states of several keys are in the order of the keys, with the record and the last login of each.
pub fn the_states_of_keys_are_in_their_order(store: &dyn StoreUnderTest) {
    let keys = [3, 1, 5, 2, 4].map(|number| AttemptKey::from_bytes([number; 32]));
    let [with_both, with_record, with_login, with_none, further] = keys;
    for (key, failures) in [(with_both, 3), (with_record, 1), (further, 4)] {
        put(store, key, &record(failures));
    }
    for (network, seconds) in [(with_both, 20), (with_login, 10)] {
        let at = START + Duration::from_secs(seconds);
        store.write(|r| r.networks().note(&[(network, at)], &with_none));
    }
    let state = |failures: Option<u32>, seconds: Option<u64>| AttemptState {
        record: failures.map(record),
        last_login: seconds.map(|seconds| START + Duration::from_secs(seconds)),
    };
    let expected = [
        state(Some(3), Some(20)),
        state(Some(1), None),
        state(None, Some(10)),
        state(None, None),
        state(Some(4), None),
    ];
    for count in 0..=keys.len() {
        let found = store.read(|r| r.attempts().states(&keys[..count]));
        assert_eq!(found, expected[..count]);
        assert_eq!(store.single_read(|r| r.attempts().states(&keys[..count])), found);
    }
    let doubled = store.read(|r| r.attempts().states(&[with_both, with_none, with_both]));
    assert_eq!(doubled, [expected[0], expected[3], expected[0]]);
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
            put(store, key, &record);
            assert_eq!(stored(store, key), Some(record));
            // The stored values are equal to those that were written, also for the database.
            put(store, key, &record);
        }
    }
}
