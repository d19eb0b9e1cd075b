//! Keys that sign access tokens.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use doorward_domain::ports::Entropy;
use jsonwebtoken::{EncodingKey, Header, errors};
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
#[derive(Debug)]
pub(crate) struct SigningKey {
    public: PublicKey,
    encoding: EncodingKey,
    header: Header,
}

impl SigningKey {
    /// The key of a PKCS#8 document.
    pub(crate) fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, CryptoError> {
        let public = match algorithm {
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(pkcs8)?.public_key().as_ref().to_vec(),
            Algorithm::Es256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)?
                .public_key()
                .as_ref()
                .to_vec(),
        };
        let public = PublicKey::new(algorithm, &public).map_err(|_not_a_key| CryptoError)?;
        let encoding = match algorithm {
            Algorithm::EdDsa => EncodingKey::from_ed_der(pkcs8),
            Algorithm::Es256 => EncodingKey::from_ec_der(pkcs8),
        };
        let mut header = Header::new(algorithm.as_jwa());
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(public.id().as_str().to_owned());
        Ok(Self {
            public,
            encoding,
            header,
        })
    }

    pub(crate) const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs claims into a compact JWS (RFC 7515, section 7.1).
    pub(crate) fn sign<C: Serialize>(&self, claims: &C) -> Result<String, errors::Error> {
        jsonwebtoken::encode(&self.header, claims, &self.encoding)
    }
}
