//! The key ring: the opened keys of the deployment, their rotation and their use.

mod key_generation;
mod key_sequence;
mod rotation;
mod stored_keys;

use core::time::Duration;
use std::sync::{Arc, PoisonError, RwLock};

use doorward_domain::clock::ClockReading;
use doorward_domain::entropy::Entropy;
use doorward_domain::key::PublishedKeys;
use doorward_domain::key::{KeyPolicy, KeyPurpose, KeyState, SealedKey};
use doorward_domain::store::UnitOfWork;
use doorward_domain::time::Timestamp;
use doorward_jwt::{Algorithm, PublicKey, SigningKey, SigningKeys, VerificationKeys, key_set_document};

use self::key_generation::{RotationReason, generate};
use self::key_sequence::KeySequence;
pub use self::rotation::RotationReport;
use self::stored_keys::StoredKeys;
use crate::KeyOpenError;
use crate::master_key::MasterKeys;
use crate::refresh_key::RefreshKey;
use crate::sealing::Sealers;
use crate::signing_key::SigningKeyPair;

/// How a ring generates and rotates keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRules {
    /// The algorithm of new signing keys (`keys.algorithm`).
    pub algorithm: Algorithm,
    /// When keys are made, used and deleted. It has to be the same on every instance.
    pub policy: KeyPolicy,
}

/// The keys with which this deployment signs and verifies access tokens and seals refresh tokens.
///
/// They are stored, sealed under the master key, so that any number of instances share them. Each use of the
/// ring takes a snapshot of it, so that one token is handled with one set of keys even when the ring is reloaded meanwhile.
/// Which of the keys makes new tokens depends on the time alone ([`KeyPolicy::schedule`]): instances need not agree on
/// anything but the content of the store.
#[derive(Debug)]
pub struct KeyRing {
    sealers: Sealers,
    rules: KeyRules,
    keys: RwLock<Arc<OpenKeys>>,
}

impl KeyRing {
    /// Opens the ring. Generates the first key of a purpose that has none, and the next signing key if the newest is for
    /// another algorithm than the rules require; it takes over when it has been published for the lead time. When several
    /// instances do so at once, one of them stores its key and all use it.
    pub fn open(
        store: &dyn UnitOfWork,
        masters: &MasterKeys,
        rules: KeyRules,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, KeyOpenError> {
        let sealers = Sealers::new(masters)?;
        let mut stored = StoredKeys::load(store)?;
        // Every stored key has to open before another is added.
        check(&stored, &sealers)?;
        let wanted: Vec<_> = KeyPurpose::ALL
            .into_iter()
            .filter_map(|purpose| match stored.of(purpose).last() {
                None => Some((purpose, RotationReason::First)),
                Some(newest) if is_outdated(newest, rules.algorithm) => {
                    Some((purpose, RotationReason::Algorithm))
                }
                Some(_) => None,
            })
            .collect();
        if !wanted.is_empty() {
            let new = generate(&wanted, &stored, &sealers, rules.algorithm, now, entropy)?;
            // If another instance was faster, the store keeps its key, and the next line loads it.
            rotation::apply(store, &new, &[], now, entropy)?;
            stored = StoredKeys::load(store)?;
        }
        let keys = OpenKeys::new(stored, &sealers, &rules.policy)?;
        Ok(Self {
            sealers,
            rules,
            keys: RwLock::new(Arc::new(keys)),
        })
    }

    /// Reads the keys from the store again. On an error the ring keeps the keys that it has.
    pub fn reload(&self, store: &dyn UnitOfWork) -> Result<(), KeyOpenError> {
        let stored = StoredKeys::load(store)?;
        if stored == self.keys().stored {
            return Ok(());
        }
        let keys = Arc::new(OpenKeys::new(stored, &self.sealers, &self.rules.policy)?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Brings the ring and the store up to date: loads keys that other instances made, generates those that are due, and, if
    /// the clock tells how old they are, deletes those whose tokens have all expired. To be called every
    /// [`KeyPolicy::pause`], on every instance.
    pub fn maintain(
        &self,
        store: &dyn UnitOfWork,
        clock: ClockReading,
        entropy: &dyn Entropy,
    ) -> Result<RotationReport, KeyOpenError> {
        let now = clock.now;
        self.reload(store)?;
        let stored = &self.keys().stored;
        let mut due = Vec::new();
        let mut expired = Vec::new();
        for purpose in KeyPurpose::ALL {
            let (schedule, times) = (self.rules.policy.schedule(purpose), stored.times(purpose));
            if schedule.is_due(&times, now) {
                due.push((purpose, RotationReason::Schedule));
            }
            let keys = stored.of(purpose).iter().enumerate();
            expired.extend(
                keys.filter(|_| clock.tells_age())
                    .filter(|(index, _)| schedule.state(&times, *index, now) == KeyState::Dead)
                    .map(|(_, key)| key.clone()),
            );
        }
        if due.is_empty() && expired.is_empty() {
            return Ok(RotationReport::default());
        }
        let new = generate(&due, stored, &self.sealers, self.rules.algorithm, now, entropy)?;
        let report = rotation::apply(store, &new, &expired, now, entropy)?;
        self.reload(store)?;
        Ok(report)
    }

    /// Generates the next key of each purpose, and returns those that were added. A purpose whose next key is about to take
    /// over, because of another request a moment ago, is skipped, unless that key is for another algorithm than the rules
    /// say.
    pub fn rotate(
        &self,
        store: &dyn UnitOfWork,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Vec<SealedKey>, KeyOpenError> {
        self.reload(store)?;
        let stored = &self.keys().stored;
        let wanted: Vec<_> = KeyPurpose::ALL
            .into_iter()
            .filter(|purpose| {
                let schedule = self.rules.policy.schedule(*purpose);
                let newest = stored.of(*purpose).last();
                !schedule.has_next(&stored.times(*purpose), now)
                    || newest.is_some_and(|newest| is_outdated(newest, self.rules.algorithm))
            })
            .map(|purpose| (purpose, RotationReason::Command))
            .collect();
        let new = generate(&wanted, stored, &self.sealers, self.rules.algorithm, now, entropy)?;
        let report = rotation::apply(store, &new, &[], now, entropy)?;
        self.reload(store)?;
        Ok(report.made)
    }

    /// The current snapshot.
    pub(crate) fn keys(&self) -> Arc<OpenKeys> {
        // The lock is held only to copy or replace a pointer, so a panic elsewhere leaves the value intact.
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SigningKeys for KeyRing {
    fn signing_key(&self, instant: Timestamp) -> Arc<dyn SigningKey> {
        let keys = self.keys();
        Arc::clone(keys.signing.current_at(instant)) as _
    }
}

impl VerificationKeys for KeyRing {
    fn verification_key(&self, kid: &str) -> Option<Arc<PublicKey>> {
        let keys = self.keys();
        let mut public = keys.signing.iter().map(|key| key.public());
        public.find(|key| key.id().as_str() == kid).map(Arc::clone)
    }
}

impl PublishedKeys for KeyRing {
    fn key_set(&self) -> Arc<str> {
        Arc::clone(&self.keys().key_set)
    }

    fn cache_life(&self) -> Duration {
        self.rules.policy.cache_life()
    }
}

/// Opens every stored key and drops it again.
fn check(stored: &StoredKeys, sealers: &Sealers) -> Result<(), KeyOpenError> {
    for key in stored.of(KeyPurpose::AccessSigning) {
        SigningKeyPair::open(sealers, key)?;
    }
    for key in stored.of(KeyPurpose::RefreshSealing) {
        RefreshKey::open(sealers, key)?;
    }
    Ok(())
}

/// Whether a key is for another algorithm than new signing keys.
fn is_outdated(key: &SealedKey, algorithm: Algorithm) -> bool {
    key.purpose == KeyPurpose::AccessSigning && key.algorithm != algorithm.as_str()
}

/// A snapshot of the ring: the stored keys, opened.
#[derive(Debug)]
pub(crate) struct OpenKeys {
    stored: StoredKeys,
    signing: KeySequence<Arc<SigningKeyPair>>,
    pub(crate) refresh: KeySequence<RefreshKey>,
    key_set: Arc<str>,
}

impl OpenKeys {
    fn new(stored: StoredKeys, sealers: &Sealers, policy: &KeyPolicy) -> Result<Self, KeyOpenError> {
        let signing = KeySequence::open(&stored, KeyPurpose::AccessSigning, policy, |key| {
            SigningKeyPair::open(sealers, key).map(Arc::new)
        })?;
        let refresh = KeySequence::open(&stored, KeyPurpose::RefreshSealing, policy, |key| {
            RefreshKey::open(sealers, key)
        })?;
        let key_set = key_set_document(signing.iter().map(|key| key.public_key())).into();
        Ok(Self {
            stored,
            signing,
            refresh,
            key_set,
        })
    }
}

#[cfg(test)]
mod tests {
    use doorward_domain::session::RefreshTokens;
    use doorward_domain::session::{Generation, Session};
    use doorward_domain::store::Transactions;
    use doorward_domain::store_error::StoreError;
    use doorward_testkit::{MemoryStore, SeededEntropy, sample};

    use super::*;
    use crate::{MasterKey, RefreshSealer};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

    const RULES: KeyRules = KeyRules {
        algorithm: Algorithm::EdDsa,
        policy: KeyPolicy {
            rotate_every: Duration::from_secs(90 * 86_400),
            access_life: Duration::from_secs(905),
            refresh_life: Duration::from_secs(30 * 86_400),
        },
    };

    #[test]
    fn a_ring_signs_with_the_current_key_and_accepts_all() {
        let store = MemoryStore::new();
        let entropy = SeededEntropy::new(1);
        let masters = MasterKey::generate(&entropy).into();
        let ring = Arc::new(KeyRing::open(&store, &masters, RULES, NOW, &entropy).unwrap());
        let sealer = RefreshSealer::new(Arc::clone(&ring));
        let old = Session {
            rotated_at: NOW,
            ..sample::session(1, sample::user(1).id)
        };
        let new = Session {
            rotated_at: NOW + RULES.policy.lead(),
            ..old.clone()
        };
        let old_kid = ring.keys().signing.current_at(NOW).public_key().id().clone();
        let old_token = sealer.seal(&old, Generation::FIRST);

        // Unordered: the schedule does not rely on the order of insertion.
        for ordinal in [3, 2] {
            let signing =
                SigningKeyPair::generate(&ring.sealers, Algorithm::Es256, ordinal, NOW, &entropy).unwrap();
            let refresh = RefreshKey::generate(&ring.sealers, ordinal, NOW, &entropy).unwrap();
            store
                .transaction::<_, StoreError>(|repositories| {
                    Ok(repositories.keys().insert(&signing)? && repositories.keys().insert(&refresh)?)
                })
                .unwrap();
        }
        assert_eq!(ring.key_set().matches("kid").count(), 1);
        ring.reload(&store).unwrap();

        let keys = ring.keys();
        assert_eq!(ring.key_set().matches("kid").count(), 3);
        assert_eq!(keys.signing.current_at(NOW).public_key().id(), &old_kid);
        let current = keys.signing.current_at(new.rotated_at).public_key();
        assert_eq!(current.algorithm(), Algorithm::Es256);
        assert_eq!(current.id(), &list(&store)[2].id);
        assert!(ring.verification_key(old_kid.as_str()).is_some());

        let new_token = sealer.seal(&new, Generation::FIRST);
        assert_ne!(new_token.expose(), old_token.expose());
        assert_eq!(sealer.seal(&old, Generation::FIRST).expose(), old_token.expose());
        for token in [old_token, new_token] {
            let presented = sealer.open(token.expose()).unwrap();
            assert!(sealer.is_authentic(&presented, &new));
        }
    }

    #[test]
    fn a_key_for_an_unknown_algorithm_is_an_error() {
        let entropy = SeededEntropy::new(1);
        let masters = MasterKey::generate(&entropy).into();
        let sealers = Sealers::new(&masters).unwrap();
        for make in [
            SigningKeyPair::generate(&sealers, Algorithm::EdDsa, 1, NOW, &entropy),
            RefreshKey::generate(&sealers, 1, NOW, &entropy),
        ] {
            // Sealed as a later version might seal it, for an algorithm of the future.
            let future = SealedKey {
                algorithm: "ML-DSA-44".to_owned(),
                ..make.unwrap()
            };
            let key = sealers.seal(b"whatever it may be", future, &entropy).unwrap();
            let store = MemoryStore::new();
            store
                .transaction::<_, StoreError>(|repositories| repositories.keys().insert(&key))
                .unwrap();
            let error = KeyRing::open(&store, &masters, RULES, NOW, &entropy).unwrap_err();
            let algorithm = "ML-DSA-44".to_owned();
            assert_eq!(
                error,
                KeyOpenError::UnknownAlgorithm {
                    purpose: key.purpose,
                    ordinal: 1,
                    algorithm
                }
            );
        }
    }

    fn list(store: &MemoryStore) -> Vec<SealedKey> {
        store
            .snapshot::<_, StoreError>(|repositories| repositories.keys().list(KeyPurpose::AccessSigning))
            .unwrap()
    }
}
