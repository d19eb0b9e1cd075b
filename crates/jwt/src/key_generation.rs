//! Making keys, and keeping them in the store.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::EventId;
use doorward_domain::key::{KeyId, KeyPurpose, SealedKey};
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;
use secrecy::{ExposeSecret, SecretBox};

use crate::key_ring::RotationReport;
use crate::sealing::Sealers;
use crate::signing_key::NewKeyPair;
use crate::stored_keys::Stored;
use crate::{Algorithm, CryptoError};

/// The algorithm of keys that seal refresh tokens, as the store knows it (JWA: HMAC with SHA-256).
pub(crate) const REFRESH_ALGORITHM: &str = "HS256";

/// The place of the first key of a purpose.
const FIRST: u32 = 1;

/// Why a key was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// There was none.
    First,
    /// Its predecessor had grown old enough.
    Schedule,
    /// The operator asked for it.
    Command,
    /// Its predecessor is for another algorithm than is configured.
    Algorithm,
}

impl Reason {
    /// The word by which the audit log knows the reason.
    const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Schedule => "schedule",
            Self::Command => "command",
            Self::Algorithm => "algorithm",
        }
    }
}

/// Makes the keys that are wanted, each for the place after the last of its purpose.
pub(crate) fn make(
    wanted: &[(KeyPurpose, Reason)],
    stored: &Stored,
    sealers: &Sealers,
    algorithm: Algorithm,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Vec<(SealedKey, Reason)>, CryptoError> {
    let made = wanted.iter().map(|(purpose, reason)| {
        let last = stored.line(*purpose).last();
        let ordinal = last.map_or(FIRST, |key| key.ordinal.saturating_add(1));
        let key = match purpose {
            KeyPurpose::AccessSigning => new_signing_key(sealers, algorithm, ordinal, now, entropy),
            KeyPurpose::RefreshSealing => new_refresh_key(sealers, ordinal, now, entropy),
        };
        Ok((key?, *reason))
    });
    made.collect()
}

/// Keeps those of the keys that were `made` whose places are still free, each with an entry in the audit log, and forgets
/// those that are `dead`. Answers what was kept, and what was forgotten: of several instances at once, one does it.
pub(crate) fn keep(
    store: &dyn UnitOfWork,
    made: &[(SealedKey, Reason)],
    dead: &[SealedKey],
    now: Timestamp,
    entropy: &dyn Entropy,
) -> StoreResult<RotationReport> {
    let context = RequestContext {
        now,
        request_id: EventId::generate(now, entropy).to_string(),
        ip: None,
        user_agent: None,
    };
    store.transaction(|repositories| {
        let mut tended = RotationReport::default();
        for (key, reason) in made {
            if repositories.keys().insert(key)? {
                let event = Event::new(EventKind::KeyRotated, EventOutcome::Success, &context, entropy)
                    .with("kid", key.id.as_str())
                    .with("purpose", key.purpose.as_str())
                    .with("algorithm", key.algorithm.as_str())
                    .with("ordinal", key.ordinal.to_string())
                    .with("reason", reason.as_str());
                repositories.events().append(&event)?;
                tended.made.push(key.clone());
            }
        }
        for key in dead {
            if repositories.keys().delete(key.purpose, key.ordinal)? {
                tended.forgotten.push(key.clone());
            }
        }
        Ok(tended)
    })
}

/// A new key that signs access tokens.
pub(crate) fn new_signing_key(
    sealers: &Sealers,
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
    sealers.seal(pair.pkcs8.as_ref(), key, entropy)
}

/// A new key that seals refresh tokens.
pub(crate) fn new_refresh_key(
    sealers: &Sealers,
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
    sealers.seal(secret.expose_secret(), key, entropy)
}
