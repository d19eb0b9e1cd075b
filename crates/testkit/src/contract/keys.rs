//! Sealed keys: what `KeyRepository` promises.

use doorward_domain::key::{KeyId, KeyPurpose, SealedKey};

use super::StoreUnderTest;
use crate::sample;

const SIGNING: KeyPurpose = KeyPurpose::AccessSigning;
const SEALING: KeyPurpose = KeyPurpose::RefreshSealing;

fn list(store: &dyn StoreUnderTest, purpose: KeyPurpose) -> Vec<SealedKey> {
    store.read(|r| r.keys().list(purpose))
}

/// Keys are listed by purpose and in the order of their ordinals, in whatever order they were added.
pub fn keys_are_listed_in_order_of_their_place(store: &dyn StoreUnderTest) {
    for ordinal in [10, 2, 1, 9, 100] {
        assert!(store.write(|r| r.keys().insert(&sample::key(SIGNING, ordinal))));
    }
    assert!(store.write(|r| r.keys().insert(&sample::key(SEALING, 3))));
    assert_eq!(
        list(store, SIGNING),
        [1, 2, 9, 10, 100].map(|ordinal| sample::key(SIGNING, ordinal))
    );
    assert_eq!(list(store, SEALING), [sample::key(SEALING, 3)]);
}

/// A place that is taken stays with its key; the same place of another purpose is another place.
pub fn a_place_that_is_taken_keeps_its_key(store: &dyn StoreUnderTest) {
    let first = sample::key(SIGNING, 1);
    assert!(store.write(|r| r.keys().insert(&first)));
    let rival = SealedKey {
        id: KeyId::new("rival"),
        sealed: vec![9],
        ..first.clone()
    };
    assert!(!store.write(|r| r.keys().insert(&rival)));
    assert!(
        !store.write(|r| r.keys().insert(&first)),
        "the same key again is refused like any other"
    );
    assert!(store.write(|r| r.keys().insert(&sample::key(SEALING, 1))));
    assert_eq!(list(store, SIGNING), [first]);
    assert_eq!(list(store, SEALING), [sample::key(SEALING, 1)]);
}

/// After a place was found taken the transaction goes on and commits what else it writes.
pub fn a_place_that_is_taken_leaves_the_transaction_usable(store: &dyn StoreUnderTest) {
    let first = sample::key(SIGNING, 1);
    assert!(store.write(|r| r.keys().insert(&first)));
    let rival = SealedKey {
        id: KeyId::new("rival"),
        ..first.clone()
    };
    let answers = store.write(|r| {
        r.events().append(&sample::event(1))?;
        let answers = (
            r.keys().insert(&rival)?,
            r.keys().insert(&sample::key(SIGNING, 2))?,
        );
        r.events().append(&sample::event(2))?;
        Ok(answers)
    });
    assert_eq!(answers, (false, true));
    assert_eq!(list(store, SIGNING), [first, sample::key(SIGNING, 2)]);
    assert_eq!(store.log().len(), 2);
}

/// A new sealed form takes the place of the old one; nothing else of that key changes, and no other key.
pub fn a_key_is_sealed_anew_and_otherwise_left_alone(store: &dyn StoreUnderTest) {
    let (first, second, other) = (
        sample::key(SIGNING, 1),
        sample::key(SIGNING, 2),
        sample::key(SEALING, 1),
    );
    for key in [&first, &second, &other] {
        assert!(store.write(|r| r.keys().insert(key)));
    }
    let anew = SealedKey {
        algorithm: "another".to_owned(),
        public: vec![7],
        sealed: vec![0, 9, 9, 9],
        created_at: sample::START + core::time::Duration::from_secs(1),
        ..first.clone()
    };
    assert!(store.write(|r| r.keys().reseal(&anew)));
    let resealed = SealedKey {
        sealed: anew.sealed,
        ..first
    };
    assert_eq!(list(store, SIGNING), [resealed, second]);
    assert_eq!(list(store, SEALING), [other]);
}

/// Nothing is sealed anew where there is no key, or another one.
pub fn what_is_sealed_anew_is_that_very_key(store: &dyn StoreUnderTest) {
    let key = sample::key(SIGNING, 1);
    assert!(store.write(|r| r.keys().insert(&key)));
    let others = [
        sample::key(SEALING, 1),
        sample::key(SIGNING, 2),
        SealedKey {
            id: KeyId::new("rival"),
            ..key.clone()
        },
    ];
    for other in others {
        let other = SealedKey {
            sealed: vec![9],
            ..other
        };
        assert!(!store.write(|r| r.keys().reseal(&other)), "{other:?}");
    }
    assert_eq!(list(store, SIGNING), [key]);
    assert_eq!(list(store, SEALING), []);
}

/// A deletion takes one key, and its place is free then.
pub fn a_deleted_key_is_gone_and_no_other(store: &dyn StoreUnderTest) {
    for key in [
        sample::key(SIGNING, 1),
        sample::key(SIGNING, 2),
        sample::key(SEALING, 1),
    ] {
        assert!(store.write(|r| r.keys().insert(&key)));
    }
    assert!(store.write(|r| r.keys().delete(SIGNING, 1)));
    assert!(!store.write(|r| r.keys().delete(SIGNING, 1)));
    assert!(!store.write(|r| r.keys().delete(SEALING, 2)));
    assert_eq!(list(store, SIGNING), [sample::key(SIGNING, 2)]);
    assert_eq!(list(store, SEALING), [sample::key(SEALING, 1)]);
    assert!(store.write(|r| r.keys().insert(&sample::key(SIGNING, 1))));
}
