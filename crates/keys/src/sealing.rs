//! Sealing keys for the store, so that the store alone does not suffice to use them.
//!
//! A sealed key is `version (1) ‖ fingerprint (8) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`, the ciphertext and tag being
//! AES-256-GCM. The other columns of the row are the associated data: a sealed key moved to another id, purpose, ordinal,
//! algorithm or public key does not open. The fingerprint distinguishes a wrong master key from a damaged row, and the
//! previous master key from the current one.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use doorward_domain::entropy::Entropy;
use doorward_domain::key::SealedKey;
use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretSlice};

use crate::master_key::{MasterKey, MasterKeys, SubKeyUse};
use crate::{CryptoError, KeyOpenError};

const VERSION: u8 = 1;
const FINGERPRINT: usize = 8;

/// Why a sealed key does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unsealable {
    /// It was sealed under another master key.
    OtherMasterKey,
    /// Its row was altered.
    Damaged,
}

/// Seals and opens keys under one master key.
///
/// The nonces are random. So few keys are sealed under one master key that no nonce repeats.
#[derive(Debug)]
struct Sealer {
    key: LessSafeKey,
    fingerprint: [u8; FINGERPRINT],
}

impl Sealer {
    fn new(master: &MasterKey) -> Result<Self, CryptoError> {
        let key = UnboundKey::new(&AES_256_GCM, master.sub_key(SubKeyUse::Sealing)?.expose_secret())?;
        let mut fingerprint = [0; FINGERPRINT];
        let print = master.sub_key(SubKeyUse::Fingerprint)?;
        fingerprint
            .iter_mut()
            .zip(print.expose_secret())
            .for_each(|(byte, print)| *byte = *print);
        Ok(Self {
            key: LessSafeKey::new(key),
            fingerprint,
        })
    }

    /// Puts the sealed form of `secret` into `key`, whose other fields are the associated data.
    fn seal(&self, secret: &[u8], key: SealedKey, entropy: &dyn Entropy) -> Result<SealedKey, CryptoError> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut buffer = secret.to_vec();
        let nonce_for_key = Nonce::assume_unique_for_key(nonce);
        // Encrypts in place, which overwrites the copy of the secret.
        let tag = self.key.seal_in_place_separate_tag(
            nonce_for_key,
            Aad::from(associated_data(&key)),
            &mut buffer,
        )?;
        let sealed = [&[VERSION][..], &self.fingerprint, &nonce, &buffer, tag.as_ref()].concat();
        Ok(SealedKey { sealed, ..key })
    }

    /// The secret of a sealed key.
    fn open(&self, key: &SealedKey) -> Result<SecretSlice<u8>, Unsealable> {
        let (version, rest) = key.sealed.split_first().ok_or(Unsealable::Damaged)?;
        let (fingerprint, rest) = rest.split_first_chunk().ok_or(Unsealable::Damaged)?;
        let (nonce, ciphertext) = rest.split_first_chunk().ok_or(Unsealable::Damaged)?;
        if *version != VERSION {
            return Err(Unsealable::Damaged);
        }
        if *fingerprint != self.fingerprint {
            return Err(Unsealable::OtherMasterKey);
        }
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut buffer = ciphertext.to_vec();
        let secret = self
            .key
            .open_in_place(nonce, Aad::from(associated_data(key)), &mut buffer)
            .map(|secret| SecretSlice::from(secret.to_vec()))
            .map_err(|_unspecified| Unsealable::Damaged);
        buffer.zeroize();
        secret
    }
}

/// Seals under the current master key, and opens under the current or the previous one.
#[derive(Debug)]
pub(crate) struct Sealers {
    current: Sealer,
    previous: Option<Sealer>,
}

impl Sealers {
    pub(crate) fn new(masters: &MasterKeys) -> Result<Self, CryptoError> {
        Ok(Self {
            current: Sealer::new(&masters.current)?,
            previous: masters.previous.as_ref().map(Sealer::new).transpose()?,
        })
    }

    /// Puts the sealed form of `secret` into `key`, whose other fields are the associated data.
    pub(crate) fn seal(
        &self,
        secret: &[u8],
        key: SealedKey,
        entropy: &dyn Entropy,
    ) -> Result<SealedKey, CryptoError> {
        self.current.seal(secret, key, entropy)
    }

    /// The secret of a sealed key.
    pub(crate) fn open(&self, key: &SealedKey) -> Result<SecretSlice<u8>, KeyOpenError> {
        let opened = match (self.current.open(key), &self.previous) {
            (Err(Unsealable::OtherMasterKey), Some(previous)) => previous.open(key),
            (outcome, _) => outcome,
        };
        let SealedKey { purpose, ordinal, .. } = *key;
        opened.map_err(|why| match why {
            Unsealable::OtherMasterKey if self.previous.is_some() => {
                KeyOpenError::NeitherMasterKey { purpose, ordinal }
            }
            Unsealable::OtherMasterKey => KeyOpenError::WrongMasterKey { purpose, ordinal },
            Unsealable::Damaged => KeyOpenError::Damaged { purpose, ordinal },
        })
    }

    /// Whether a key opens under the current master key.
    pub(crate) fn is_current(&self, key: &SealedKey) -> bool {
        self.current.open(key).is_ok()
    }
}

/// The columns of a row other than the sealed key. Each is preceded by its length, so that different rows give different
/// bytes.
fn associated_data(key: &SealedKey) -> Vec<u8> {
    let parts: [&[u8]; 6] = [
        b"doorward/v1/sealed-key",
        key.purpose.as_str().as_bytes(),
        key.id.as_str().as_bytes(),
        &key.ordinal.to_be_bytes(),
        key.algorithm.as_bytes(),
        &key.public,
    ];
    let mut bound = Vec::new();
    for part in parts {
        bound.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bound.extend(part);
    }
    bound
}

#[cfg(test)]
mod tests {
    use doorward_domain::key::{KeyId, KeyPurpose};
    use doorward_testkit::{SeededEntropy, sample};
    use proptest::prelude::*;

    use super::*;

    fn sealer(seed: u64) -> Sealer {
        Sealer::new(&MasterKey::generate(&SeededEntropy::new(seed))).unwrap()
    }

    fn sealed(secret: &[u8]) -> SealedKey {
        sealer(1)
            .seal(
                secret,
                sample::key(KeyPurpose::AccessSigning, 1),
                &SeededEntropy::new(2),
            )
            .unwrap()
    }

    #[test]
    fn a_sealed_secret_opens() {
        let key = sealed(b"a secret");
        assert_eq!(key.sealed.len(), 1 + 8 + 12 + 8 + 16);
        assert!(!key.sealed.windows(8).any(|window| window == b"a secret"));
        assert_eq!(sealer(1).open(&key).unwrap().expose_secret(), b"a secret");
    }

    #[test]
    fn another_master_key_is_distinguished_from_damage() {
        let key = sealed(b"a secret");
        assert_eq!(sealer(2).open(&key).map(|_| ()), Err(Unsealable::OtherMasterKey));
        for length in 0..key.sealed.len() {
            let cut = SealedKey {
                sealed: key.sealed[..length].to_vec(),
                ..key.clone()
            };
            assert_eq!(
                sealer(1).open(&cut).map(|_| ()),
                Err(Unsealable::Damaged),
                "{length}"
            );
        }
    }

    #[test]
    fn the_other_columns_are_authenticated() {
        let key = sealed(b"a secret");
        let changed = [
            SealedKey {
                id: KeyId::new("another"),
                ..key.clone()
            },
            SealedKey {
                purpose: KeyPurpose::RefreshSealing,
                ..key.clone()
            },
            SealedKey {
                ordinal: 2,
                ..key.clone()
            },
            SealedKey {
                algorithm: "ES256".to_owned(),
                ..key.clone()
            },
            SealedKey {
                public: vec![1, 2],
                ..key.clone()
            },
            // The same bytes, divided differently.
            SealedKey {
                algorithm: "EdDSA\u{1}".to_owned(),
                public: vec![2, 3],
                ..key.clone()
            },
        ];
        for swapped in changed {
            assert_eq!(
                sealer(1).open(&swapped).map(|_| ()),
                Err(Unsealable::Damaged),
                "{swapped:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn opening_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let key = SealedKey { sealed: bytes, ..sealed(b"a secret") };
            prop_assert!(sealer(1).open(&key).is_err());
        }

        #[test]
        fn a_sealed_key_with_a_flipped_bit_does_not_open(bit in 0_usize..8 * 45) {
            let mut key = sealed(b"a secret");
            key.sealed[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(sealer(1).open(&key).is_err());
        }

        #[test]
        fn any_secret_survives_a_round_trip(secret in proptest::collection::vec(any::<u8>(), 0..100), seed in any::<u64>()) {
            let key = sealer(1).seal(&secret, sample::key(KeyPurpose::RefreshSealing, 7), &SeededEntropy::new(seed)).unwrap();
            let opened = sealer(1).open(&key).unwrap();
            prop_assert_eq!(opened.expose_secret(), &secret[..]);
        }
    }
}
