//! The keys of this deployment.

use core::time::Duration;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::hmac;
use doorward_domain::entropy::Entropy;
use doorward_domain::key::PublishedKeys;
use doorward_domain::key::{KeyPolicy, KeyPurpose, KeySchedule, KeyState, SealedKey};
use doorward_domain::store::UnitOfWork;
use doorward_domain::time::Timestamp;

use crate::key_generation::{Reason, keep, make};
use crate::key_set::publish;
use crate::master_key::MasterKeys;
use crate::public_key::PublicKey;
use crate::sealing::Sealers;
use crate::signing_key::SigningKey;
use crate::stored_keys::{Stored, unseal_refresh, unseal_signing};
use crate::{Algorithm, OpenError};

/// What a ring goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRules {
    /// What new signing keys are for (`keys.algorithm`).
    pub algorithm: Algorithm,
    /// When keys are made, used and forgotten. It has to be the same on every instance.
    pub policy: KeyPolicy,
}

/// What [`KeyRing::tend`] changed in the store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RotationReport {
    /// Keys that were made.
    pub made: Vec<SealedKey>,
    /// Keys that were forgotten, because every token they made has expired.
    pub forgotten: Vec<SealedKey>,
}

/// The keys with which this deployment signs and verifies access tokens and seals refresh tokens.
///
/// They are kept in the store, sealed under the master key, so that any number of instances share them. Whoever uses
/// the ring takes a snapshot of it, so that one token is handled with one set of keys whatever is reloaded meanwhile.
/// Which of the keys makes new tokens is a question of the time alone ([`KeySchedule`]): the instances need not agree on
/// anything but what is in the store.
#[derive(Debug)]
pub struct KeyRing {
    sealers: Sealers,
    rules: KeyRules,
    keys: RwLock<Arc<Keys>>,
}

impl KeyRing {
    /// Opens the ring. A purpose that has no key yet is given its first one; when the newest signing key is for another
    /// algorithm than the rules want, the next one is made, to take over when it has been published for long enough. Of
    /// several instances that do so at once, one makes the key and all use it.
    pub fn open(
        store: &dyn UnitOfWork,
        masters: &MasterKeys,
        rules: KeyRules,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, OpenError> {
        let sealers = Sealers::new(masters)?;
        let mut stored = Stored::load(store)?;
        // Whatever is there has to open before anything is added to it.
        stored.check(&sealers)?;
        let wanted: Vec<_> = KeyPurpose::ALL
            .into_iter()
            .filter_map(|purpose| match stored.line(purpose).last() {
                None => Some((purpose, Reason::First)),
                Some(newest) if is_outdated(newest, rules.algorithm) => Some((purpose, Reason::Algorithm)),
                Some(_) => None,
            })
            .collect();
        if !wanted.is_empty() {
            let made = make(&wanted, &stored, &sealers, rules.algorithm, now, entropy)?;
            // When another instance was faster its key stays, and is what is found below.
            keep(store, &made, &[], now, entropy)?;
            stored = Stored::load(store)?;
        }
        let keys = Keys::new(stored, &sealers, &rules.policy)?;
        Ok(Self {
            sealers,
            rules,
            keys: RwLock::new(Arc::new(keys)),
        })
    }

    /// Reads the keys again. The ring stays as it is when that fails.
    pub fn reload(&self, store: &dyn UnitOfWork) -> Result<(), OpenError> {
        let stored = Stored::load(store)?;
        if stored == self.keys().stored {
            return Ok(());
        }
        let keys = Arc::new(Keys::new(stored, &self.sealers, &self.rules.policy)?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Does what there is to do at `now`: learns what other instances did, makes the keys that are due, and forgets those
    /// whose tokens have all expired. To be called every [`KeyPolicy::pause`], on every instance.
    pub fn tend(
        &self,
        store: &dyn UnitOfWork,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<RotationReport, OpenError> {
        self.reload(store)?;
        let stored = &self.keys().stored;
        let mut due = Vec::new();
        let mut dead = Vec::new();
        for purpose in KeyPurpose::ALL {
            let (schedule, line) = (self.rules.policy.schedule(purpose), stored.times(purpose));
            if schedule.is_due(&line, now) {
                due.push((purpose, Reason::Schedule));
            }
            let keys = stored.line(purpose).iter().enumerate();
            dead.extend(
                keys.filter(|(index, _)| schedule.state(&line, *index, now) == KeyState::Dead)
                    .map(|(_, key)| key.clone()),
            );
        }
        if due.is_empty() && dead.is_empty() {
            return Ok(RotationReport::default());
        }
        let made = make(&due, stored, &self.sealers, self.rules.algorithm, now, entropy)?;
        let tended = keep(store, &made, &dead, now, entropy)?;
        self.reload(store)?;
        Ok(tended)
    }

    /// Makes the next key of each purpose, and answers those that were made. A purpose whose next key is about to take
    /// over, because somebody else asked a moment ago, is left alone, unless that key is for another algorithm than it
    /// should be.
    pub fn rotate(
        &self,
        store: &dyn UnitOfWork,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Vec<SealedKey>, OpenError> {
        self.reload(store)?;
        let stored = &self.keys().stored;
        let wanted: Vec<_> = KeyPurpose::ALL
            .into_iter()
            .filter(|purpose| {
                let schedule = self.rules.policy.schedule(*purpose);
                let newest = stored.line(*purpose).last();
                !schedule.has_next(&stored.times(*purpose), now)
                    || newest.is_some_and(|newest| is_outdated(newest, self.rules.algorithm))
            })
            .map(|purpose| (purpose, Reason::Command))
            .collect();
        let made = make(&wanted, stored, &self.sealers, self.rules.algorithm, now, entropy)?;
        let tended = keep(store, &made, &[], now, entropy)?;
        self.reload(store)?;
        Ok(tended.made)
    }

    /// The keys as they are now.
    pub(crate) fn keys(&self) -> Arc<Keys> {
        // The lock is only ever held to copy or replace a pointer, which leaves nothing half done.
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
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

/// Whether a key signs by another algorithm than new ones are to.
fn is_outdated(key: &SealedKey, algorithm: Algorithm) -> bool {
    key.purpose == KeyPurpose::AccessSigning && key.algorithm != algorithm.as_str()
}

/// One state of the ring.
#[derive(Debug)]
pub(crate) struct Keys {
    stored: Stored,
    pub(crate) signing: Line<SigningKey>,
    pub(crate) refresh: Line<hmac::Key>,
    key_set: Arc<str>,
}

impl Keys {
    fn new(stored: Stored, sealers: &Sealers, policy: &KeyPolicy) -> Result<Self, OpenError> {
        let signing = Line::unseal(&stored, KeyPurpose::AccessSigning, policy, |key| {
            unseal_signing(sealers, key)
        })?;
        let refresh = Line::unseal(&stored, KeyPurpose::RefreshSealing, policy, |key| {
            unseal_refresh(sealers, key)
        })?;
        let key_set = publish(signing.iter().map(SigningKey::public)).into();
        Ok(Self {
            stored,
            signing,
            refresh,
            key_set,
        })
    }

    /// The public key of that name.
    pub(crate) fn verifying(&self, kid: &str) -> Option<&PublicKey> {
        self.signing
            .iter()
            .map(SigningKey::public)
            .find(|key| key.id().as_str() == kid)
    }
}

/// The keys of one purpose, of which there is always at least one.
#[derive(Debug)]
pub(crate) struct Line<K> {
    schedule: KeySchedule,
    /// When each was made, in their order.
    made: Vec<Timestamp>,
    first: K,
    later: Vec<K>,
}

impl<K> Line<K> {
    fn unseal(
        stored: &Stored,
        purpose: KeyPurpose,
        policy: &KeyPolicy,
        unseal: impl Fn(&SealedKey) -> Result<K, OpenError>,
    ) -> Result<Self, OpenError> {
        let (first, later) = stored
            .line(purpose)
            .split_first()
            .ok_or(OpenError::NoKey(purpose))?;
        Ok(Self {
            schedule: policy.schedule(purpose),
            made: stored.times(purpose),
            first: unseal(first)?,
            later: later.iter().map(unseal).collect::<Result<_, _>>()?,
        })
    }

    /// The key that makes tokens at this instant.
    pub(crate) fn current_at(&self, instant: Timestamp) -> &K {
        let index = self.schedule.current(&self.made, instant);
        index
            .and_then(|index| index.checked_sub(1))
            .and_then(|index| self.later.get(index))
            .unwrap_or(&self.first)
    }

    /// Every key, the newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &K> {
        self.later.iter().rev().chain(core::iter::once(&self.first))
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
    use crate::key_generation::{new_refresh_key, new_signing_key};
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
    fn a_ring_of_several_keys_makes_with_the_current_and_takes_all() {
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
        let old_kid = ring.keys().signing.current_at(NOW).public().id().clone();
        let old_token = sealer.seal(&old, Generation::FIRST);

        // In no order, as nobody promises one between the insertions.
        for ordinal in [3, 2] {
            let signing = new_signing_key(&ring.sealers, Algorithm::Es256, ordinal, NOW, &entropy).unwrap();
            let refresh = new_refresh_key(&ring.sealers, ordinal, NOW, &entropy).unwrap();
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
        assert_eq!(keys.signing.current_at(NOW).public().id(), &old_kid);
        let current = keys.signing.current_at(new.rotated_at).public();
        assert_eq!(current.algorithm(), Algorithm::Es256);
        assert_eq!(current.id(), &list(&store)[2].id);
        assert!(keys.verifying(old_kid.as_str()).is_some());

        let new_token = sealer.seal(&new, Generation::FIRST);
        assert_ne!(new_token.expose(), old_token.expose());
        assert_eq!(sealer.seal(&old, Generation::FIRST).expose(), old_token.expose());
        for token in [old_token, new_token] {
            let presented = sealer.open(token.expose()).unwrap();
            assert!(sealer.is_authentic(&presented, &new));
        }
    }

    #[test]
    fn a_key_for_an_unknown_algorithm_is_told() {
        let entropy = SeededEntropy::new(1);
        let masters = MasterKey::generate(&entropy).into();
        let sealers = Sealers::new(&masters).unwrap();
        for make in [
            new_signing_key(&sealers, Algorithm::EdDsa, 1, NOW, &entropy),
            new_refresh_key(&sealers, 1, NOW, &entropy),
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
                OpenError::UnknownAlgorithm {
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
