//! The cache of verified tokens.

use core::fmt;
use std::sync::Arc;

use doorward_domain::key::KeyId;
use doorward_domain::token::{AccessClaims, ClaimTimes};
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};

/// The facts about a verified token that hold for as long as its key is known.
#[derive(Debug)]
pub(crate) struct VerifiedToken {
    /// The key that signed it.
    pub(crate) key: KeyId,
    /// When the token is valid. To be checked at each use.
    pub(crate) times: ClaimTimes,
    pub(crate) claims: AccessClaims,
}

/// A bounded cache of verified tokens, which evicts those that are used least.
///
/// It holds the digests of tokens instead of tokens, so that its memory does not reveal tokens; equal digests mean equal tokens,
/// signature included. It holds only tokens with a valid signature, so an attacker cannot evict them by sending others.
pub(crate) struct VerifiedTokens(Cache<Digest, Arc<VerifiedToken>>);

/// The SHA-256 digest of a token as presented.
pub(crate) type Digest = [u8; 32];

impl VerifiedTokens {
    /// Holds at most about `capacity` tokens.
    pub(crate) fn new(capacity: usize) -> Self {
        Self(Cache::new(capacity))
    }

    /// The key of a token in this cache.
    pub(crate) fn digest(token: &str) -> Digest {
        Sha256::digest(token).into()
    }

    pub(crate) fn get(&self, digest: &Digest) -> Option<Arc<VerifiedToken>> {
        self.0.get(digest)
    }

    pub(crate) fn insert(&self, digest: Digest, verified: &Arc<VerifiedToken>) {
        self.0.insert(digest, Arc::clone(verified));
    }
}

impl fmt::Debug for VerifiedTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("VerifiedTokens")
    }
}
