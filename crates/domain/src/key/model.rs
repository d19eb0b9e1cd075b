//! The stored form of keys: their secret part is sealed.

use crate::time::Timestamp;

/// What a key is used for. A key is never used for another purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyPurpose {
    /// Signs access tokens.
    AccessSigning,
    /// Seals refresh tokens.
    RefreshSealing,
}

impl KeyPurpose {
    /// Every purpose.
    pub const ALL: [Self; 2] = [Self::AccessSigning, Self::RefreshSealing];

    /// The stored word for the purpose.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessSigning => "access-signing",
            Self::RefreshSealing => "refresh-sealing",
        }
    }

    /// Parses the word for the purpose; `None` for any other text.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "access-signing" => Some(Self::AccessSigning),
            "refresh-sealing" => Some(Self::RefreshSealing),
            _ => None,
        }
    }
}

/// Identifies a key: the `kid` of the key set and of token headers (RFC 7517, section 4.5).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// Wraps a key id. Not validated.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A stored key. Its secret part is sealed under the master key, which is not in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedKey {
    /// Identifies the key.
    pub id: KeyId,
    /// What the key is used for.
    pub purpose: KeyPurpose,
    /// The position in the sequence of keys of that purpose, from 1. A store holds at most one key per purpose and
    /// ordinal, so concurrent instances that create the next key agree on one.
    pub ordinal: u32,
    /// The algorithm, in the adapter's terms (for signing keys the JWA name, such as `EdDSA`).
    pub algorithm: String,
    /// The public part in the adapter's encoding; empty for a symmetric key.
    pub public: Vec<u8>,
    /// The secret part, sealed.
    pub sealed: Vec<u8>,
    /// When the key was created; determines its state (see `KeySchedule`).
    pub created_at: Timestamp,
}
