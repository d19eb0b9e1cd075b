//! Keys that seal refresh tokens.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::entropy::Entropy;
use doorward_domain::key::{KeyId, KeyPurpose, SealedKey};
use doorward_domain::session::{Generation, Session};
use doorward_domain::time::Timestamp;
use secrecy::{ExposeSecret, SecretBox};

use crate::sealing::Sealers;
use crate::{CryptoError, KeyOpenError};

/// The stored name of the algorithm (JWA: HMAC with SHA-256).
const ALGORITHM: &str = "HS256";

/// The length of a tag, in bytes.
pub(crate) const TAG: usize = 32;

/// Separates these tags from anything else computed under the same key.
const LABEL: &[u8] = b"doorward/v1/refresh-token";

/// A key that seals refresh tokens. Its `Debug` output does not contain the key.
#[derive(Debug)]
pub(crate) struct RefreshKey(hmac::Key);

impl RefreshKey {
    /// A new key, sealed.
    pub(crate) fn generate(
        sealers: &Sealers,
        ordinal: u32,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<SealedKey, CryptoError> {
        let secret = SecretBox::init_with_mut(|secret: &mut [u8; 32]| entropy.fill(secret));
        // The name is not published, so it need only differ from others.
        let mut name = [0; 16];
        entropy.fill(&mut name);
        let key = SealedKey {
            id: KeyId::new(URL_SAFE_NO_PAD.encode(name)),
            purpose: KeyPurpose::RefreshSealing,
            ordinal,
            algorithm: ALGORITHM.to_owned(),
            public: Vec::new(),
            sealed: Vec::new(),
            created_at: now,
        };
        sealers.seal(secret.expose_secret(), key, entropy)
    }

    /// Opens a stored key.
    pub(crate) fn open(sealers: &Sealers, key: &SealedKey) -> Result<Self, KeyOpenError> {
        let secret = sealers.open(key)?;
        if key.algorithm != ALGORITHM {
            return Err(KeyOpenError::unknown_algorithm(key));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret())))
    }

    /// The proof that `session` has reached `generation`.
    pub(crate) fn tag(&self, session: &Session, generation: Generation) -> hmac::Tag {
        // In parts, so that the session's key is not copied.
        let mut tag = hmac::Context::with_key(&self.0);
        tag.update(LABEL);
        tag.update(session.key.expose());
        tag.update(session.id.as_bytes());
        tag.update(&generation.get().to_be_bytes());
        tag.sign()
    }

    /// Whether `tag` is that proof, in constant time.
    pub(crate) fn verifies(&self, tag: &[u8; TAG], session: &Session, generation: Generation) -> bool {
        verify_slices_are_equal(self.tag(session, generation).as_ref(), tag).is_ok()
    }
}
