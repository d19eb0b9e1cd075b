//! Tokens whose signatures have been verified before.

use core::fmt;
use std::sync::Arc;

use doorward_domain::token::{AccessClaims, ClaimTimes, KeyId};
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};

/// What of a token does not change while its key is known: who signed it, and what it says.
#[derive(Debug)]
pub(crate) struct Verified {
    /// The key that signed it.
    pub(crate) key: KeyId,
    /// When it is valid. To be checked at each use.
    pub(crate) times: ClaimTimes,
    pub(crate) claims: AccessClaims,
}

/// A bounded memory of tokens that verified, the least used forgotten first.
///
/// It holds digests instead of tokens: whoever reads it learns no token, and equal digests mean equal tokens, signature
/// included. Only tokens that we signed get in, so nobody else can push them out.
pub(crate) struct VerifiedTokens(Cache<Digest, Arc<Verified>>);

/// The SHA-256 digest of a token as presented.
pub(crate) type Digest = [u8; 32];

impl VerifiedTokens {
    /// Remembers at most about `tokens` of them.
    pub(crate) fn new(tokens: usize) -> Self {
        Self(Cache::new(tokens))
    }

    /// What names a token here.
    pub(crate) fn digest(token: &str) -> Digest {
        Sha256::digest(token).into()
    }

    pub(crate) fn find(&self, digest: &Digest) -> Option<Arc<Verified>> {
        self.0.get(digest)
    }

    pub(crate) fn remember(&self, digest: Digest, verified: &Arc<Verified>) {
        self.0.insert(digest, Arc::clone(verified));
    }
}

impl fmt::Debug for VerifiedTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("VerifiedTokens")
    }
}
