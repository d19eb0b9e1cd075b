//! The contract of `KeyRepository`.

use doorward_domain::key::{KeyId, KeyPurpose, SealedKey};

use crate::contract::StoreUnderTest;
use crate::contract::edge_values::TIMES;
use crate::sample;

const SIGNING: KeyPurpose = KeyPurpose::AccessSigning;
const SEALING: KeyPurpose = KeyPurpose::RefreshSealing;

fn list(store: &dyn StoreUnderTest, purpose: KeyPurpose) -> Vec<SealedKey> {
    store.read(|r| r.keys().list(purpose))
}

/// Keys are listed by purpose, ordered by ordinal, whatever the order of insertion.
pub fn keys_are_listed_in_order_of_their_ordinals(store: &dyn StoreUnderTest) {
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

/// A taken ordinal keeps its key; the same ordinal of another purpose is free.
pub fn a_taken_ordinal_keeps_its_key(store: &dyn StoreUnderTest) {
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

/// After a taken ordinal was found the transaction continues and commits its other writes.
pub fn a_taken_ordinal_leaves_the_transaction_usable(store: &dyn StoreUnderTest) {
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

/// Resealing replaces the sealed bytes; nothing else of that key changes, and no other key.
pub fn resealing_a_key_changes_only_its_sealed_bytes(store: &dyn StoreUnderTest) {
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

/// Resealing does nothing if the key does not exist, or is another one.
pub fn resealing_requires_the_same_key(store: &dyn StoreUnderTest) {
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

/// A deletion deletes one key and frees its ordinal.
pub fn deleting_a_key_deletes_no_other(store: &dyn StoreUnderTest) {
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

/// Keys with any bytes of any length are read back unchanged.
pub fn keys_are_read_back_unchanged(store: &dyn StoreUnderTest) {
    let all_bytes: Vec<u8> = (0..=u8::MAX).collect();
    let contents = [vec![], vec![0], vec![0xff; 32], all_bytes.repeat(16)];
    for purpose in [KeyPurpose::AccessSigning, KeyPurpose::RefreshSealing] {
        let mut keys = Vec::new();
        for (ordinal, (bytes, created_at)) in (1..).zip(contents.iter().zip(TIMES)) {
            let sealed = bytes.iter().rev().copied().collect();
            keys.push(SealedKey {
                public: bytes.clone(),
                sealed,
                created_at,
                ..sample::key(purpose, ordinal)
            });
        }
        let id = KeyId::new(format!("-_{}{}", "A".repeat(60), purpose.as_str()));
        keys.push(SealedKey {
            id,
            algorithm: "ES256".to_owned(),
            ..sample::key(purpose, 0x8000_0000)
        });
        keys.push(sample::key(purpose, u32::MAX));
        for key in &keys {
            assert!(store.write(|r| r.keys().insert(key)));
        }
        assert_eq!(store.read(|r| r.keys().list(purpose)), keys);
    }
}
