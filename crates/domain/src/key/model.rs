//! The keys that tokens are made with, as a store keeps them: sealed.

use crate::time::Timestamp;

/// What a key is for. One purpose never uses another's key.
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

    /// The word by which the database knows the purpose.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessSigning => "access-signing",
            Self::RefreshSealing => "refresh-sealing",
        }
    }

    /// The purpose of that word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "access-signing" => Some(Self::AccessSigning),
            "refresh-sealing" => Some(Self::RefreshSealing),
            _ => None,
        }
    }
}

/// Names a key: the `kid` of the key set and of token headers (RFC 7517, section 4.5).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// Wraps a key id.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A key as a store keeps it: its secret part sealed under the master key, which is not in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedKey {
    /// Names it.
    pub id: KeyId,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// Its place in the line of keys of that purpose, from 1. A store holds at most one key a place, which is what
    /// lets several instances make the next key at once and agree on one.
    pub ordinal: u32,
    /// The algorithm it is used with, as the adapter names it (for signing keys the JWA name, such as `EdDSA`).
    pub algorithm: String,
    /// Its public part, as the adapter encodes it; empty for a symmetric key.
    pub public: Vec<u8>,
    /// Its secret part, sealed.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}
