//! The key ring and its store: first start, several instances at once, wrong master key, damaged keys.

use std::sync::{Arc, Barrier};

use crate::common::{LEEWAY, NOW, claims, master, parties, rules};
use doorward_domain::key::PublishedKeys;
use doorward_domain::key::{KeyId, KeyPurpose, SealedKey};
use doorward_domain::session::Generation;
use doorward_domain::session::RefreshTokens;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;
use doorward_domain::token::{AccessTokenSigner, AccessTokenVerifier};
use doorward_jwt::{Algorithm, Signer, Verifier};
use doorward_keys::{KeyOpenError, KeyRing, RefreshSealer};
use doorward_testkit::{MemoryStore, SeededEntropy, sample};

const PURPOSES: [KeyPurpose; 2] = [KeyPurpose::AccessSigning, KeyPurpose::RefreshSealing];

fn open(store: &MemoryStore, seed: u64) -> Result<KeyRing, KeyOpenError> {
    open_with(store, 1, Algorithm::EdDsa, seed)
}

/// Opens the ring under the master key of that seed.
fn open_with(
    store: &dyn UnitOfWork,
    master_seed: u64,
    algorithm: Algorithm,
    seed: u64,
) -> Result<KeyRing, KeyOpenError> {
    let masters = master(master_seed).into();
    KeyRing::open(store, &masters, rules(algorithm), NOW, &SeededEntropy::new(seed))
}

fn list(store: &MemoryStore, purpose: KeyPurpose) -> Vec<SealedKey> {
    store
        .snapshot::<_, StoreError>(|repositories| repositories.keys().list(purpose))
        .unwrap()
}

/// A store with these keys.
fn store_of(keys: &[SealedKey]) -> MemoryStore {
    let store = MemoryStore::new();
    store
        .transaction::<_, StoreError>(|repositories| {
            keys.iter()
                .try_for_each(|key| repositories.keys().insert(key).map(|_| ()))
        })
        .unwrap();
    store
}

/// The keys that a first start generates.
fn first_keys(algorithm: Algorithm, seed: u64) -> Vec<SealedKey> {
    let store = MemoryStore::new();
    open_with(&store, 1, algorithm, seed).unwrap();
    PURPOSES
        .iter()
        .flat_map(|purpose| list(&store, *purpose))
        .collect()
}

#[test]
fn the_first_start_generates_one_key_of_each_purpose() {
    for (algorithm, name, public) in [(Algorithm::EdDsa, "EdDSA", 32), (Algorithm::Es256, "ES256", 65)] {
        let [signing, refresh] = &first_keys(algorithm, 5)[..] else {
            panic!("not two keys")
        };
        assert_eq!(
            (signing.purpose, signing.ordinal, signing.created_at),
            (KeyPurpose::AccessSigning, 1, NOW)
        );
        assert_eq!((signing.algorithm.as_str(), signing.public.len()), (name, public));
        assert_eq!(
            (refresh.purpose, refresh.ordinal, refresh.created_at),
            (KeyPurpose::RefreshSealing, 1, NOW)
        );
        assert_eq!((refresh.algorithm.as_str(), refresh.public.len()), ("HS256", 0));
    }
}

#[test]
fn later_starts_use_the_same_keys() {
    let store = MemoryStore::new();
    let first = Arc::new(open(&store, 5).unwrap());
    let before: Vec<_> = PURPOSES.iter().map(|purpose| list(&store, *purpose)).collect();
    let second = Arc::new(open(&store, 6).unwrap());
    let after: Vec<_> = PURPOSES.iter().map(|purpose| list(&store, *purpose)).collect();
    assert_eq!(before, after);
    assert_eq!(first.key_set(), second.key_set());

    let token = Signer::new(Arc::clone(&first), parties())
        .sign(&claims())
        .unwrap();
    assert_eq!(
        Verifier::new(Arc::clone(&second), parties(), LEEWAY).verify(token.expose(), NOW),
        Ok(claims())
    );
    let session = sample::session(1, sample::user(1).id);
    let sealed = RefreshSealer::new(first).seal(&session, Generation::FIRST);
    assert_eq!(
        sealed.expose(),
        RefreshSealer::new(second)
            .seal(&session, Generation::FIRST)
            .expose()
    );
}

#[test]
fn concurrent_first_starts_generate_one_key_of_each_purpose() {
    for round in 0..20 {
        let store = MemoryStore::new();
        let barrier = Barrier::new(4);
        let sets: Vec<Arc<str>> = std::thread::scope(|scope| {
            let instances: Vec<_> = (0..4)
                .map(|instance| {
                    let (store, barrier) = (&store, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        open(store, round * 10 + instance).unwrap().key_set()
                    })
                })
                .collect();
            instances
                .into_iter()
                .map(|instance| instance.join().unwrap())
                .collect()
        });
        assert!(sets.iter().all(|set| *set == sets[0]), "{sets:?}");
        for purpose in PURPOSES {
            assert_eq!(list(&store, purpose).len(), 1);
        }
    }
}

#[test]
fn an_instance_that_loses_the_race_uses_the_stored_key() {
    // The faster instance inserts after the slower one has found nothing.
    let winner = first_keys(Algorithm::EdDsa, 5);
    let store = Overtaken {
        inner: MemoryStore::new(),
        winner: winner.clone(),
    };
    let ring = open_with(&store, 1, Algorithm::EdDsa, 6).unwrap();
    assert!(ring.key_set().contains(winner[0].id.as_str()));
    assert_eq!(list(&store.inner, KeyPurpose::AccessSigning), [winner[0].clone()]);
    assert_eq!(
        list(&store.inner, KeyPurpose::RefreshSealing),
        [winner[1].clone()]
    );
}

/// A store in which another instance inserts its keys just before the first writing transaction of the ring.
struct Overtaken {
    inner: MemoryStore,
    winner: Vec<SealedKey>,
}

impl doorward_domain::store::UnitOfWork for Overtaken {
    fn write(
        &self,
        work: &mut dyn FnMut(
            &mut dyn doorward_domain::store::Repositories,
        ) -> doorward_domain::store::Verdict,
    ) -> Result<(), StoreError> {
        self.inner.transaction::<_, StoreError>(|repositories| {
            self.winner
                .iter()
                .try_for_each(|key| repositories.keys().insert(key).map(|_| ()))
        })?;
        self.inner.write(work)
    }

    fn read(
        &self,
        work: &mut dyn FnMut(&mut dyn doorward_domain::store::Repositories),
    ) -> Result<(), StoreError> {
        self.inner.read(work)
    }

    fn check(&self) -> Result<(), StoreError> {
        self.inner.check()
    }
}

#[test]
fn a_rerun_transaction_inserts_one_key() {
    let store = MemoryStore::new();
    store.rerun_writes(true);
    open(&store, 5).unwrap();
    for purpose in PURPOSES {
        assert_eq!(list(&store, purpose).len(), 1);
    }
}

#[test]
fn the_wrong_master_key_is_an_error_and_changes_nothing() {
    let store = MemoryStore::new();
    open(&store, 5).unwrap();
    let error = open_with(&store, 2, Algorithm::EdDsa, 6).unwrap_err();
    assert_eq!(
        error,
        KeyOpenError::WrongMasterKey {
            purpose: KeyPurpose::AccessSigning,
            ordinal: 1
        }
    );
    assert!(error.to_string().contains("keys.master_key"), "{error}");

    // The missing key is not generated either.
    let half = store_of(&first_keys(Algorithm::EdDsa, 5)[1..]);
    let error = open_with(&half, 2, Algorithm::EdDsa, 6).unwrap_err();
    assert_eq!(
        error,
        KeyOpenError::WrongMasterKey {
            purpose: KeyPurpose::RefreshSealing,
            ordinal: 1
        }
    );
    assert!(list(&half, KeyPurpose::AccessSigning).is_empty());
}

#[test]
fn a_missing_key_is_generated_and_the_others_stay() {
    let keys = first_keys(Algorithm::EdDsa, 5);
    let store = store_of(&keys[..1]);
    let ring = open(&store, 6).unwrap();
    assert!(ring.key_set().contains(keys[0].id.as_str()));
    assert_eq!(list(&store, KeyPurpose::RefreshSealing).len(), 1);
}

#[test]
fn an_altered_stored_key_is_an_error() {
    let keys = first_keys(Algorithm::EdDsa, 5);
    let (signing, refresh) = (&keys[0], &keys[1]);
    let others = first_keys(Algorithm::EdDsa, 6);
    let damaged = [
        SealedKey {
            id: KeyId::new("another"),
            ..signing.clone()
        },
        SealedKey {
            public: vec![1; 32],
            ..signing.clone()
        },
        SealedKey {
            algorithm: "ES256".to_owned(),
            ..signing.clone()
        },
        SealedKey {
            sealed: refresh.sealed.clone(),
            ..signing.clone()
        },
        SealedKey {
            sealed: others[0].sealed.clone(),
            ..signing.clone()
        },
        SealedKey {
            sealed: Vec::new(),
            ..signing.clone()
        },
    ];
    for altered in damaged {
        let error = open(&store_of(&[altered, refresh.clone()]), 7).unwrap_err();
        assert_eq!(
            error,
            KeyOpenError::Damaged {
                purpose: KeyPurpose::AccessSigning,
                ordinal: 1
            }
        );
    }
    let moved = SealedKey {
        purpose: KeyPurpose::RefreshSealing,
        ..signing.clone()
    };
    let error = open(&store_of(&[moved]), 7).unwrap_err();
    assert_eq!(
        error,
        KeyOpenError::Damaged {
            purpose: KeyPurpose::RefreshSealing,
            ordinal: 1
        }
    );
}

#[test]
fn an_unavailable_store_has_an_error_of_its_own() {
    let outage = StoreError::Unavailable("gone".to_owned());
    let store = MemoryStore::new();
    store.fail_with(Some(outage.clone()));
    assert_eq!(open(&store, 5).unwrap_err(), KeyOpenError::Store(outage.clone()));
    store.fail_with(None);
    store.fail_commits_with(Some(outage.clone()));
    assert_eq!(open(&store, 5).unwrap_err(), KeyOpenError::Store(outage));
    store.fail_commits_with(None);
    assert!(open(&store, 5).is_ok());
}

#[test]
fn reload_loads_the_stored_keys_or_changes_nothing() {
    let store = MemoryStore::new();
    let ring = open(&store, 5).unwrap();
    let before = ring.key_set();
    ring.reload(&store).unwrap();
    assert_eq!(ring.key_set(), before);

    store.fail_with(Some(StoreError::Unavailable("gone".to_owned())));
    assert!(ring.reload(&store).is_err());
    assert_eq!(ring.key_set(), before);

    // Another store under the same master key: the ring now has the keys of that store.
    let other = MemoryStore::new();
    let theirs = open(&other, 6).unwrap().key_set();
    ring.reload(&other).unwrap();
    assert_eq!(ring.key_set(), theirs);
    assert_eq!(
        ring.reload(&MemoryStore::new()),
        Err(KeyOpenError::NoKey(KeyPurpose::AccessSigning))
    );
    assert_eq!(ring.key_set(), theirs);
}
