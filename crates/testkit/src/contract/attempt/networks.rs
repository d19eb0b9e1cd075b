//! The contract of `NetworkRepository`.

use core::time::Duration;

use doorward_domain::attempt::AttemptKey;
use doorward_domain::time::Timestamp;

use crate::contract::StoreUnderTest;
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
    store.write(|r| r.networks().note(&[(network(number), after(seconds))], &account));
}

fn of(store: &dyn StoreUnderTest, account: AttemptKey) -> Vec<AttemptKey> {
    store.read(|r| r.networks().list(&account))
}

fn last_logins(store: &dyn StoreUnderTest, numbers: &[u8]) -> Vec<Option<Timestamp>> {
    let networks: Vec<_> = numbers.iter().copied().map(network).collect();
    let states = store.read(|r| r.attempts().states(&networks));
    states.iter().map(|state| state.last_login).collect()
}

/// The last login of a network is the one recorded last, even if it is earlier; an unknown network has none. Answers are in
/// the order of the question.
pub fn the_last_recorded_login_of_a_network_is_found(store: &dyn StoreUnderTest) {
    let last_logins = |numbers: &[u8]| last_logins(store, numbers);
    assert_eq!(last_logins(&[1, 2]), [None, None]);
    note(store, 1, ADA, 10);
    note(store, 2, ADA, 20);
    note(store, 1, ADA, 5);
    assert_eq!(last_logins(&[1, 2]), [Some(after(5)), Some(after(20))]);
    assert_eq!(last_logins(&[2, 3, 1]), [Some(after(20)), None, Some(after(5))]);
    assert_eq!(last_logins(&[]), []);
}

/// Several logins are recorded at once, each with its time, and replace earlier ones.
pub fn several_logins_are_recorded_at_once(store: &dyn StoreUnderTest) {
    note(store, 1, ADA, 10);
    let logins = [(1, 30), (2, 20)].map(|(number, seconds)| (network(number), after(seconds)));
    store.write(|r| r.networks().note(&logins, &ADA));
    store.write(|r| r.networks().note(&[], &ADA));
    assert_eq!(of(store, ADA), [1, 2].map(network));
    let last = last_logins(store, &[1, 2]);
    assert_eq!(last, [Some(after(30)), Some(after(20))]);
}

/// An account's networks are listed with the latest login first, without those of other accounts.
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

/// The networks with the latest logins are kept; other accounts keep theirs.
pub fn the_networks_with_the_latest_logins_are_kept(store: &dyn StoreUnderTest) {
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
    assert_eq!(last_logins(store, &[3]), [None]);
    assert_eq!(of(store, BOB), [network(4)]);
}
