//! Keys that sign access tokens.

use core::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use doorward_domain::entropy::Entropy;
use doorward_domain::key::{KeyPurpose, SealedKey};
use doorward_domain::time::Timestamp;
use doorward_domain::token::SigningError;
use doorward_jwt::{Algorithm, InvalidPublicKey, PublicKey, SigningKey};
use secrecy::{ExposeSecret, SecretBox};

use crate::sealing::Sealers;
use crate::{CryptoError, KeyOpenError};

/// A key pair that signs tokens. Its `Debug` output does not contain the private key.
///
/// `jsonwebtoken` would parse the PKCS#8 document for each signature, and select its backend by the crate features of the
/// whole program. Therefore this type holds the parsed key, and signs with `aws-lc-rs` directly.
#[derive(Debug)]
pub(crate) struct SigningKeyPair {
    public: Arc<PublicKey>,
    pair: KeyPair,
}

enum KeyPair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl KeyPair {
    /// A new key pair and its PKCS#8 document (RFC 5958), which holds the private key.
    fn generate(
        algorithm: Algorithm,
        entropy: &dyn Entropy,
    ) -> Result<(Self, aws_lc_rs::pkcs8::Document), CryptoError> {
        Ok(match algorithm {
            Algorithm::EdDsa => {
                let seed = SecretBox::init_with_mut(|seed: &mut [u8; 32]| entropy.fill(seed));
                let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose_secret())?;
                let pkcs8 = pair.to_pkcs8v1()?;
                (Self::Ed25519(pair), pkcs8)
            }
            // The library draws the key from the operating system. It does the same for each ECDSA signature, so tokens
            // would not be repeatable if the key came from `entropy`.
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
                let pkcs8 = pair.to_pkcs8v1()?;
                (Self::P256(pair), pkcs8)
            }
        })
    }

    fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, CryptoError> {
        Ok(match algorithm {
            Algorithm::EdDsa => Self::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8)?),
            Algorithm::Es256 => {
                Self::P256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)?)
            }
        })
    }

    fn public(&self) -> Result<PublicKey, InvalidPublicKey> {
        match self {
            Self::Ed25519(pair) => PublicKey::new(Algorithm::EdDsa, pair.public_key().as_ref()),
            Self::P256(pair) => PublicKey::new(Algorithm::Es256, pair.public_key().as_ref()),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the library requires a source of randomness, but draws from the operating system in any case"
    )]
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let signature = match self {
            Self::Ed25519(pair) => pair.try_sign(message)?,
            Self::P256(pair) => pair.sign(&SystemRandom::new(), message)?,
        };
        Ok(signature.as_ref().to_vec())
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl SigningKeyPair {
    /// A new key pair, sealed.
    pub(crate) fn generate(
        sealers: &Sealers,
        algorithm: Algorithm,
        ordinal: u32,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<SealedKey, CryptoError> {
        let (pair, pkcs8) = KeyPair::generate(algorithm, entropy)?;
        let public = pair.public()?;
        let key = SealedKey {
            id: public.id().clone(),
            purpose: KeyPurpose::AccessSigning,
            ordinal,
            algorithm: algorithm.as_str().to_owned(),
            public: public.as_bytes().to_vec(),
            sealed: Vec::new(),
            created_at: now,
        };
        sealers.seal(pkcs8.as_ref(), key, entropy)
    }

    /// Opens a stored key.
    pub(crate) fn open(sealers: &Sealers, key: &SealedKey) -> Result<Self, KeyOpenError> {
        let pkcs8 = sealers.open(key)?;
        let algorithm =
            Algorithm::parse(&key.algorithm).ok_or_else(|| KeyOpenError::unknown_algorithm(key))?;
        let pair = KeyPair::from_pkcs8(algorithm, pkcs8.expose_secret())?;
        let public = Arc::new(pair.public().map_err(CryptoError::from)?);
        Ok(Self { public, pair })
    }

    pub(crate) const fn public(&self) -> &Arc<PublicKey> {
        &self.public
    }
}

impl SigningKey for SigningKeyPair {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let signature = self.pair.sign(message);
        signature.map_err(|error| SigningError(error.to_string()))
    }
}
