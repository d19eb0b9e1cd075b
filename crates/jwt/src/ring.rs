//! The keys of this deployment.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::ports::{Entropy, PublishedKeys, Transactions, UnitOfWork};
use doorward_domain::time::Timestamp;
use doorward_domain::token::{KeyId, KeyPurpose, SealedKey};
use secrecy::{ExposeSecret, SecretBox, SecretSlice};

use crate::key_set::publish;
use crate::master_key::MasterKey;
use crate::public_key::PublicKey;
use crate::sealing::{Sealer, Unsealable};
use crate::signing_key::{NewKeyPair, SigningKey};
use crate::{Algorithm, CryptoError, OpenError};

/// The algorithm of keys that seal refresh tokens, as the store knows it (JWA: HMAC with SHA-256).
const REFRESH_ALGORITHM: &str = "HS256";

/// The place of the first key of a purpose.
const FIRST: u32 = 1;

/// The keys with which this deployment signs and verifies access tokens and seals refresh tokens.
///
/// They are kept in the store, sealed under the master key, so that any number of instances share them. Whoever uses
/// the ring takes a snapshot of it, so that one token is handled with one set of keys whatever is reloaded meanwhile.
#[derive(Debug)]
pub struct KeyRing {
    sealer: Sealer,
    keys: RwLock<Arc<Keys>>,
}

impl KeyRing {
    /// Opens the ring. A purpose that has no key yet is given its first one, a signing key being for `algorithm`; of
    /// several instances that do so at once, one makes the key and all use it.
    ///
    /// `algorithm` is for new keys: a ring that has a signing key goes on with it, whatever it is for.
    pub fn open(
        store: &dyn UnitOfWork,
        master: &MasterKey,
        algorithm: Algorithm,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, OpenError> {
        let sealer = Sealer::new(master)?;
        let mut found = Found::load(store, &sealer)?;
        if found.lacks_a_key() {
            let mut made = Vec::new();
            if found.signing.is_empty() {
                made.push(new_signing_key(&sealer, algorithm, FIRST, now, entropy)?);
            }
            if found.refresh.is_empty() {
                made.push(new_refresh_key(&sealer, FIRST, now, entropy)?);
            }
            store.transaction::<(), OpenError>(|repositories| {
                for key in &made {
                    // When another instance was faster its key stays, and is what is found below.
                    repositories.keys().insert(key)?;
                }
                Ok(())
            })?;
            found = Found::load(store, &sealer)?;
        }
        Ok(Self {
            sealer,
            keys: RwLock::new(Arc::new(found.into_keys()?)),
        })
    }

    /// Reads the keys again. The ring stays as it is when that fails.
    pub fn reload(&self, store: &dyn UnitOfWork) -> Result<(), OpenError> {
        let keys = Arc::new(Found::load(store, &self.sealer)?.into_keys()?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
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
}

/// One state of the ring.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) signing: Line<SigningKey>,
    pub(crate) refresh: Line<hmac::Key>,
    key_set: Arc<str>,
}

impl Keys {
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
    /// The newest, which makes new tokens.
    pub(crate) current: K,
    /// The ones before it, whose tokens are still out there.
    earlier: Vec<K>,
}

impl<K> Line<K> {
    /// The line of `keys`, the newest of which is the last.
    fn new(mut keys: Vec<K>) -> Option<Self> {
        let current = keys.pop()?;
        Some(Self {
            current,
            earlier: keys,
        })
    }

    /// Every key, the newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &K> {
        core::iter::once(&self.current).chain(self.earlier.iter().rev())
    }
}

/// What the store has, unsealed.
struct Found {
    signing: Vec<SigningKey>,
    refresh: Vec<hmac::Key>,
}

impl Found {
    fn load(store: &dyn UnitOfWork, sealer: &Sealer) -> Result<Self, OpenError> {
        let (signing, refresh) = store.snapshot::<_, OpenError>(|repositories| {
            let keys = repositories.keys();
            Ok((
                keys.list(KeyPurpose::AccessSigning)?,
                keys.list(KeyPurpose::RefreshSealing)?,
            ))
        })?;
        Ok(Self {
            signing: signing
                .iter()
                .map(|key| unseal_signing(sealer, key))
                .collect::<Result<_, _>>()?,
            refresh: refresh
                .iter()
                .map(|key| unseal_refresh(sealer, key))
                .collect::<Result<_, _>>()?,
        })
    }

    fn lacks_a_key(&self) -> bool {
        self.signing.is_empty() || self.refresh.is_empty()
    }

    fn into_keys(self) -> Result<Keys, OpenError> {
        let signing = Line::new(self.signing).ok_or(OpenError::NoKey(KeyPurpose::AccessSigning))?;
        let refresh = Line::new(self.refresh).ok_or(OpenError::NoKey(KeyPurpose::RefreshSealing))?;
        let key_set = publish(signing.iter().map(SigningKey::public)).into();
        Ok(Keys {
            signing,
            refresh,
            key_set,
        })
    }
}

fn new_signing_key(
    sealer: &Sealer,
    algorithm: Algorithm,
    ordinal: u32,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<SealedKey, CryptoError> {
    let pair = NewKeyPair::generate(algorithm, entropy)?;
    let key = SealedKey {
        id: pair.public.id().clone(),
        purpose: KeyPurpose::AccessSigning,
        ordinal,
        algorithm: algorithm.as_str().to_owned(),
        public: pair.public.as_bytes().to_vec(),
        sealed: Vec::new(),
        created_at: now,
    };
    sealer.seal(pair.pkcs8.as_ref(), key, entropy)
}

fn new_refresh_key(
    sealer: &Sealer,
    ordinal: u32,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<SealedKey, CryptoError> {
    let secret = SecretBox::init_with_mut(|secret: &mut [u8; 32]| entropy.fill(secret));
    // Nobody but the store ever sees this name, which must merely differ from others.
    let mut name = [0; 16];
    entropy.fill(&mut name);
    let key = SealedKey {
        id: KeyId::new(URL_SAFE_NO_PAD.encode(name)),
        purpose: KeyPurpose::RefreshSealing,
        ordinal,
        algorithm: REFRESH_ALGORITHM.to_owned(),
        public: Vec::new(),
        sealed: Vec::new(),
        created_at: now,
    };
    sealer.seal(secret.expose_secret(), key, entropy)
}

fn unseal_signing(sealer: &Sealer, key: &SealedKey) -> Result<SigningKey, OpenError> {
    let secret = unseal(sealer, key)?;
    let algorithm = Algorithm::parse(&key.algorithm).ok_or_else(|| unknown_algorithm(key))?;
    Ok(SigningKey::from_pkcs8(algorithm, secret.expose_secret())?)
}

fn unseal_refresh(sealer: &Sealer, key: &SealedKey) -> Result<hmac::Key, OpenError> {
    let secret = unseal(sealer, key)?;
    if key.algorithm != REFRESH_ALGORITHM {
        return Err(unknown_algorithm(key));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret()))
}

fn unseal(sealer: &Sealer, key: &SealedKey) -> Result<SecretSlice<u8>, OpenError> {
    let SealedKey { purpose, ordinal, .. } = *key;
    sealer.open(key).map_err(|why| match why {
        Unsealable::OtherMasterKey => OpenError::WrongMasterKey { purpose, ordinal },
        Unsealable::Damaged => OpenError::Damaged { purpose, ordinal },
    })
}

fn unknown_algorithm(key: &SealedKey) -> OpenError {
    OpenError::UnknownAlgorithm {
        purpose: key.purpose,
        ordinal: key.ordinal,
        algorithm: key.algorithm.clone(),
    }
}

#[cfg(test)]
mod tests {
    use doorward_domain::ports::{RefreshTokens, StoreError};
    use doorward_domain::token::Generation;
    use doorward_testkit::{MemoryStore, SeededEntropy, sample};

    use super::*;
    use crate::RefreshSealer;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

    #[test]
    fn a_ring_of_several_keys_makes_with_the_newest_and_takes_all() {
        let store = MemoryStore::new();
        let entropy = SeededEntropy::new(1);
        let master = MasterKey::generate(&entropy);
        let ring = Arc::new(KeyRing::open(&store, &master, Algorithm::EdDsa, NOW, &entropy).unwrap());
        let sealer = RefreshSealer::new(Arc::clone(&ring));
        let session = sample::session(1, sample::user(1).id);
        let old_kid = ring.keys().signing.current.public().id().clone();
        let old_token = sealer.seal(&session, Generation::FIRST);

        // In no order, as nobody promises one between the insertions.
        for ordinal in [3, 2] {
            let signing = new_signing_key(&ring.sealer, Algorithm::Es256, ordinal, NOW, &entropy).unwrap();
            let refresh = new_refresh_key(&ring.sealer, ordinal, NOW, &entropy).unwrap();
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
        assert_eq!(keys.signing.current.public().algorithm(), Algorithm::Es256);
        assert!(keys.verifying(old_kid.as_str()).is_some());
        let newest = &list(&store)[2];
        assert_eq!(keys.signing.current.public().id(), &newest.id);

        let new_token = sealer.seal(&session, Generation::FIRST);
        assert_ne!(new_token.expose(), old_token.expose());
        for token in [old_token, new_token] {
            let presented = sealer.open(token.expose()).unwrap();
            assert!(sealer.is_authentic(&presented, &session));
        }
    }

    #[test]
    fn a_key_for_an_unknown_algorithm_is_told() {
        let entropy = SeededEntropy::new(1);
        let master = MasterKey::generate(&entropy);
        let sealer = Sealer::new(&master).unwrap();
        for make in [
            new_signing_key(&sealer, Algorithm::EdDsa, 1, NOW, &entropy),
            new_refresh_key(&sealer, 1, NOW, &entropy),
        ] {
            // Sealed as a later version might seal it, for an algorithm of the future.
            let future = SealedKey {
                algorithm: "ML-DSA-44".to_owned(),
                ..make.unwrap()
            };
            let key = sealer.seal(b"whatever it may be", future, &entropy).unwrap();
            let store = MemoryStore::new();
            store
                .transaction::<_, StoreError>(|repositories| repositories.keys().insert(&key))
                .unwrap();
            let error = KeyRing::open(&store, &master, Algorithm::EdDsa, NOW, &entropy).unwrap_err();
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
