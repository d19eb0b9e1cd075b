//! Generating the keys that a rotation adds.

use doorward_domain::entropy::Entropy;
use doorward_domain::key::{KeyPurpose, SealedKey};
use doorward_domain::time::Timestamp;
use doorward_jwt::Algorithm;

use super::stored_keys::StoredKeys;
use crate::CryptoError;
use crate::refresh_key::RefreshKey;
use crate::sealing::Sealers;
use crate::signing_key::SigningKeyPair;

/// The ordinal of the first key of a purpose.
const FIRST: u32 = 1;

/// Why a key is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RotationReason {
    /// The purpose had no key.
    First,
    /// The newest key has reached the age for its successor.
    Schedule,
    /// The operator requested a rotation.
    Command,
    /// The newest key is for another algorithm than is configured.
    Algorithm,
}

impl RotationReason {
    /// The word for the reason in the audit log.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Schedule => "schedule",
            Self::Command => "command",
            Self::Algorithm => "algorithm",
        }
    }
}

/// A generated key that is not in the store yet.
#[derive(Debug)]
pub(crate) struct NewKey {
    pub(crate) key: SealedKey,
    pub(crate) reason: RotationReason,
}

/// Generates the `wanted` keys, each with the ordinal after the last of its purpose. `algorithm` is that of signing keys.
pub(crate) fn generate(
    wanted: &[(KeyPurpose, RotationReason)],
    stored: &StoredKeys,
    sealers: &Sealers,
    algorithm: Algorithm,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Vec<NewKey>, CryptoError> {
    let new = wanted.iter().map(|&(purpose, reason)| {
        let last = stored.of(purpose).last();
        let ordinal = last.map_or(FIRST, |key| key.ordinal.saturating_add(1));
        let key = match purpose {
            KeyPurpose::AccessSigning => SigningKeyPair::generate(sealers, algorithm, ordinal, now, entropy)?,
            KeyPurpose::RefreshSealing => RefreshKey::generate(sealers, ordinal, now, entropy)?,
        };
        Ok(NewKey { key, reason })
    });
    new.collect()
}
