//! Changing the master key.

use std::sync::Arc;

use crate::common::{LEEWAY, NOW, claims, master, parties, rules};
use doorward_domain::key::PublishedKeys;
use doorward_domain::key::{KeyId, KeyPurpose, SealedKey};
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreError;
use doorward_domain::token::{AccessTokenSigner, AccessTokenVerifier};
use doorward_jwt::{Algorithm, Signer, Verifier};
use doorward_keys::{KeyOpenError, KeyRing, MasterKeys, ResealReport, reseal};
use doorward_testkit::{MemoryStore, SeededEntropy};

const OLD: u64 = 1;
const NEW: u64 = 2;
const OTHER: u64 = 3;

fn masters(current: u64, previous: Option<u64>) -> MasterKeys {
    MasterKeys {
        current: master(current),
        previous: previous.map(master),
    }
}

fn open(store: &MemoryStore, masters: &MasterKeys) -> Result<KeyRing, KeyOpenError> {
    KeyRing::open(
        store,
        masters,
        rules(Algorithm::EdDsa),
        NOW,
        &SeededEntropy::new(9),
    )
}

fn list(store: &MemoryStore) -> Vec<SealedKey> {
    let all = store.snapshot::<_, StoreError>(|repositories| {
        let [signing, refresh] = KeyPurpose::ALL.map(|purpose| repositories.keys().list(purpose));
        Ok([signing?, refresh?].concat())
    });
    all.unwrap()
}

/// A store with two keys of each purpose, under the old master key.
fn store() -> MemoryStore {
    let store = MemoryStore::new();
    let ring = open(&store, &masters(OLD, None)).unwrap();
    ring.rotate(&store, NOW, &SeededEntropy::new(10)).unwrap();
    store
}

fn resealed(store: &MemoryStore, current: u64, previous: Option<u64>) -> Result<ResealReport, KeyOpenError> {
    reseal(store, &masters(current, previous), &SeededEntropy::new(11))
}

#[test]
fn a_ring_opens_keys_under_either_master_key_and_seals_under_the_current() {
    let store = store();
    let ring = open(&store, &masters(NEW, Some(OLD))).unwrap();
    ring.rotate(
        &store,
        NOW + rules(Algorithm::EdDsa).policy.lead(),
        &SeededEntropy::new(12),
    )
    .unwrap();
    assert_eq!(ring.key_set().matches("kid").count(), 3);
    // Two of each purpose are still under the old one.
    let done = resealed(&store, NEW, Some(OLD)).unwrap();
    assert_eq!(
        done,
        ResealReport {
            resealed: 4,
            unchanged: 2
        }
    );
}

#[test]
fn resealing_does_not_change_the_keys() {
    let store = store();
    let old = Arc::new(open(&store, &masters(OLD, None)).unwrap());
    let token = Signer::new(Arc::clone(&old), parties()).sign(&claims()).unwrap();
    let before = list(&store);
    assert_eq!(
        resealed(&store, NEW, Some(OLD)),
        Ok(ResealReport {
            resealed: 4,
            unchanged: 0
        })
    );
    let after = list(&store);
    for (before, after) in before.iter().zip(&after) {
        assert_ne!(before.sealed, after.sealed);
        let sealed = before.sealed.clone();
        assert_eq!(
            before,
            &SealedKey {
                sealed,
                ..after.clone()
            }
        );
    }
    let new = Arc::new(open(&store, &masters(NEW, None)).unwrap());
    assert_eq!(new.key_set(), old.key_set());
    let verifier = Verifier::new(new, parties(), LEEWAY);
    assert_eq!(verifier.verify(token.expose(), NOW), Ok(claims()));
    // The instance with the old master key keeps its keys, and cannot reload.
    assert!(matches!(
        old.reload(&store),
        Err(KeyOpenError::WrongMasterKey { .. })
    ));
    assert!(open(&store, &masters(OLD, None)).is_err());

    // It can be repeated, with and without the previous key.
    for previous in [Some(OLD), None] {
        assert_eq!(
            resealed(&store, NEW, previous),
            Ok(ResealReport {
                resealed: 0,
                unchanged: 4
            })
        );
        assert_eq!(list(&store), after);
    }
}

#[test]
fn resealing_without_the_right_previous_key_fails_and_changes_nothing() {
    let store = store();
    let before = list(&store);
    let missing = resealed(&store, NEW, None).unwrap_err();
    assert!(matches!(missing, KeyOpenError::WrongMasterKey { ordinal: 1, .. }));
    assert!(
        missing.to_string().contains("keys.previous_master_key"),
        "{missing}"
    );
    let wrong = resealed(&store, NEW, Some(OTHER)).unwrap_err();
    assert!(matches!(wrong, KeyOpenError::NeitherMasterKey { ordinal: 1, .. }));
    assert!(wrong.to_string().contains("neither"), "{wrong}");
    assert_eq!(open(&store, &masters(NEW, Some(OTHER))).map(|_| ()), Err(wrong));
    assert_eq!(list(&store), before);
}

#[test]
fn all_keys_are_resealed_or_none() {
    let store = store();
    let damaged = SealedKey {
        id: KeyId::new("damaged"),
        ordinal: 3,
        ..list(&store).pop().unwrap()
    };
    store
        .transaction::<_, StoreError>(|repositories| repositories.keys().insert(&damaged))
        .unwrap();
    let before = list(&store);
    assert!(matches!(
        resealed(&store, NEW, Some(OLD)),
        Err(KeyOpenError::Damaged { ordinal: 3, .. })
    ));
    assert_eq!(list(&store), before);
}

#[test]
fn resealing_an_empty_store_generates_no_key() {
    let store = MemoryStore::new();
    assert_eq!(resealed(&store, NEW, Some(OLD)), Ok(ResealReport::default()));
    assert!(list(&store).is_empty() && store.events().is_empty());
}
