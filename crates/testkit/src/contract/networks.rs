//! Networks of owners: what `NetworkRepository` promises.

use core::time::Duration;

use doorward_domain::attempt::AttemptKey;
use doorward_domain::time::Timestamp;

use super::StoreUnderTest;
use crate::sample::START;

const ADA: AttemptKey = AttemptKey::from_bytes([0xa0; 32]);
const BOB: AttemptKey = AttemptKey::from_bytes([0xb0; 32]);

fn network(number: u8) -> AttemptKey {
    AttemptKey::from_bytes([number; 32])
}

fn after(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

fn note(store: &dyn StoreUnderTest, number: u8, account: AttemptKey, seconds: u64) {
    store.write(|r| r.networks().note(&network(number), &account, after(seconds)));
}

fn of(store: &dyn StoreUnderTest, account: AttemptKey) -> Vec<AttemptKey> {
    store.read(|r| r.networks().list(&account))
}

/// The latest login from a network is what was noted last, also when that is earlier; an unknown one has none.
pub fn the_latest_login_noted_is_found(store: &dyn StoreUnderTest) {
    let last_login = |number| store.read(|r| r.networks().last_login(&network(number)));
    assert_eq!(last_login(1), None);
    note(store, 1, ADA, 10);
    note(store, 2, ADA, 20);
    note(store, 1, ADA, 5);
    assert_eq!(last_login(1), Some(after(5)));
    assert_eq!(last_login(2), Some(after(20)));
    assert_eq!(last_login(3), None);
}

/// An account's networks are listed with the latest login first, and nobody else's among them.
pub fn networks_are_listed_by_their_latest_login(store: &dyn StoreUnderTest) {
    assert_eq!(of(store, ADA), []);
    for (number, seconds) in [(1, 20), (2, 10), (3, 30)] {
        note(store, number, ADA, seconds);
    }
    note(store, 4, BOB, 25);
    assert_eq!(of(store, ADA), [3, 1, 2].map(network));
    note(store, 2, ADA, 40);
    assert_eq!(of(store, ADA), [2, 3, 1].map(network));
    assert_eq!(of(store, BOB), [network(4)]);
}

/// Those that are kept are the ones with the latest logins; other accounts keep theirs.
pub fn the_networks_kept_have_the_latest_logins(store: &dyn StoreUnderTest) {
    for (number, seconds) in [(1, 20), (2, 10), (3, 30)] {
        note(store, number, ADA, seconds);
    }
    note(store, 4, BOB, 1);
    store.write(|r| r.networks().keep(&ADA, 3));
    assert_eq!(of(store, ADA).len(), 3);
    store.write(|r| r.networks().keep(&ADA, 2));
    assert_eq!(of(store, ADA), [3, 1].map(network));
    store.write(|r| r.networks().keep(&ADA, 0));
    assert_eq!(of(store, ADA), []);
    assert_eq!(store.read(|r| r.networks().last_login(&network(3))), None);
    assert_eq!(of(store, BOB), [network(4)]);
}
