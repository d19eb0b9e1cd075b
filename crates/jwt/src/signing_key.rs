//! Keys that sign access tokens.

use core::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::entropy::Entropy;
use doorward_domain::token::SigningError;
use jsonwebtoken::Header;
use secrecy::{ExposeSecret, SecretBox};
use serde::Serialize;

use crate::public_key::PublicKey;
use crate::{Algorithm, CryptoError};

/// The media type of an access token (RFC 9068, section 2.1), which keeps any other kind of JWT from passing for one.
pub(crate) const TOKEN_TYPE: &str = "at+jwt";

/// A new key pair, its secret half in PKCS#8 (RFC 5958) for sealing.
pub(crate) struct NewKeyPair {
    pub(crate) pkcs8: aws_lc_rs::pkcs8::Document,
    pub(crate) public: PublicKey,
}

impl NewKeyPair {
    pub(crate) fn generate(algorithm: Algorithm, entropy: &dyn Entropy) -> Result<Self, CryptoError> {
        let (pkcs8, public) = match algorithm {
            Algorithm::EdDsa => {
                let seed = SecretBox::init_with_mut(|seed: &mut [u8; 32]| entropy.fill(seed));
                let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose_secret())?;
                (pair.to_pkcs8v1()?, pair.public_key().as_ref().to_vec())
            }
            // Drawn from the operating system by the library itself. Every ECDSA signature takes randomness from there
            // anyway, so drawing the key from `entropy` would make nothing repeatable.
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
                (pair.to_pkcs8v1()?, pair.public_key().as_ref().to_vec())
            }
        };
        let public = PublicKey::new(algorithm, &public).map_err(|_not_a_key| CryptoError)?;
        Ok(Self { pkcs8, public })
    }
}

/// A key that signs access tokens.
///
/// `jsonwebtoken` would read the key from its PKCS#8 document again for each signature, and choose its backend by the crate
/// features of the whole program; so the key is kept as read, and signs by itself.
#[derive(Debug)]
pub(crate) struct SigningKey {
    public: PublicKey,
    pair: KeyPair,
    /// The header of every token of the key, encoded.
    header: String,
}

enum KeyPair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl KeyPair {
    fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, CryptoError> {
        Ok(match algorithm {
            Algorithm::EdDsa => Self::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8)?),
            Algorithm::Es256 => {
                Self::P256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)?)
            }
        })
    }

    fn public(&self) -> &[u8] {
        match self {
            Self::Ed25519(pair) => pair.public_key().as_ref(),
            Self::P256(pair) => pair.public_key().as_ref(),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the library asks for a source of randomness and draws from the operating system whatever it is given"
    )]
    fn sign(&self, message: &[u8]) -> Result<String, CryptoError> {
        let signature = match self {
            Self::Ed25519(pair) => pair.try_sign(message)?,
            Self::P256(pair) => pair.sign(&SystemRandom::new(), message)?,
        };
        Ok(URL_SAFE_NO_PAD.encode(signature))
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl SigningKey {
    /// The key of a PKCS#8 document.
    pub(crate) fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, CryptoError> {
        let pair = KeyPair::from_pkcs8(algorithm, pkcs8)?;
        let public = PublicKey::new(algorithm, pair.public()).map_err(|_not_a_key| CryptoError)?;
        let mut header = Header::new(algorithm.as_jwa());
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(public.id().as_str().to_owned());
        // A header of three strings cannot fail to be serialised.
        let header = serde_json::to_vec(&header).unwrap_or_default();
        Ok(Self {
            public,
            pair,
            header: URL_SAFE_NO_PAD.encode(header),
        })
    }

    pub(crate) const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs claims into a compact JWS (RFC 7515, section 7.1).
    pub(crate) fn sign<C: Serialize>(&self, claims: &C) -> Result<String, SigningError> {
        let claims = serde_json::to_vec(claims).map_err(|error| SigningError(error.to_string()))?;
        let mut token = self.header.clone();
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self
            .pair
            .sign(token.as_bytes())
            .map_err(|error| SigningError(error.to_string()))?;
        token.push('.');
        token.push_str(&signature);
        Ok(token)
    }
}
