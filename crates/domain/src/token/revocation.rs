//! The revocation of access tokens before they expire, and the list of revocations.
//!
//! An access token is verified without access to the store. To make revocation possible, every instance follows the store's
//! log of revocations and holds a list of those within the lifetime of an access token, which are few. A session is
//! revoked by its id. A subject is revoked *up to a version*: all tokens with a lower version are revoked, whenever they
//! were issued, and a token issued in the very instant of the change is classified correctly.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use core::time::Duration;

use crate::id::SessionId;
use crate::time::Timestamp;

use crate::subject::{Subject, SubjectVersion};

/// How far the clocks of instances and of other verifiers may differ. Revocations are kept and published for this much longer
/// than the tokens live that they refer to: a verifier whose clock is slow accepts a token for longer, and the one that
/// wrote the revocation, which may have waited for a lock, may have dated it early.
pub const CLOCK_MARGIN: Duration = Duration::from_secs(120);

/// What a revocation applies to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Revoked {
    /// Every access token of a session.
    Session(SessionId),
    /// Every access token of a subject with a version lower than this.
    Subject {
        /// The subject of the tokens.
        subject: Subject,
        /// The lowest version that is still valid.
        lowest_version: SubjectVersion,
    },
}

/// An entry of the log of revocations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// The number of the transaction that wrote the entry. Later transactions have greater numbers, but may commit earlier.
    pub transaction: u64,
    /// When the entry was written.
    pub at: Timestamp,
    /// What a revocation applies to.
    pub revoked: Revoked,
}

impl Revocation {
    /// Distinguishes the entry from those that another log has in its place.
    pub fn mark(&self) -> u64 {
        let text = match &self.revoked {
            Revoked::Session(id) => format!("{} session {id}", self.at.as_micros()),
            Revoked::Subject {
                subject,
                lowest_version,
            } => format!(
                "{} subject {subject} {}",
                self.at.as_micros(),
                lowest_version.get()
            ),
        };
        let digest = Sha256::digest(text.as_bytes());
        u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default())
    }
}

/// The digest that represents an id in the public list of revocations: the first 16 bytes of the SHA-256 digest of the id's
/// text, displayed as unpadded base64url. A holder of a token can look its id up; a reader of the list learns no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RevocationDigest([u8; 16]);

impl RevocationDigest {
    /// The digest of an id.
    pub fn of(id: &str) -> Self {
        let digest = Sha256::digest(id.as_bytes());
        Self(digest.first_chunk().copied().unwrap_or_default())
    }

    pub(super) const fn to_number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }
}

impl fmt::Display for RevocationDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// The text of the [`RevocationDigest`] of an id.
pub fn revocation_digest(id: &str) -> String {
    RevocationDigest::of(id).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_revocation_digest_is_as_documented() {
        // printf 01890a5d-ac96-774b-bcce-b302099a8057 | openssl dgst -sha256 -binary | head -c 16 | base64
        assert_eq!(
            revocation_digest("01890a5d-ac96-774b-bcce-b302099a8057"),
            "h71q2LHwBdr9PyMJmXan7w"
        );
    }
}
