//! The revocation of access tokens before they expire, and the list of revocations.
//!
//! An access token is verified without access to the store. To make revocation possible, every instance follows the store's
//! log of revocations and holds a list of those within the lifetime of an access token, which are few. A session is
//! revoked by its id. A subject is revoked *up to a version*: all tokens with a lower version are revoked, whenever they
//! were issued, and a token issued in the very instant of the change is classified correctly.

use core::time::Duration;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::id::SessionId;
use crate::time::Timestamp;

use super::AccessClaims;
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
    /// The position in the log: later entries have greater numbers.
    pub number: u64,
    /// When the entry was written.
    pub at: Timestamp,
    /// What a revocation applies to.
    pub revoked: Revoked,
}

/// The digest that represents an id in the public list of revocations: base64url, unpadded, of the first 16 bytes of the
/// SHA-256 digest of the id's text. A holder of a token can look its id up; a reader of the list learns no id.
pub fn revocation_digest(id: &str) -> String {
    let digest = Sha256::digest(id.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.first_chunk::<16>().copied().unwrap_or_default())
}

/// The revocations that can still apply to a valid token: those younger than the maximum lifetime of access tokens.
#[derive(Debug, Clone)]
pub struct RevocationList {
    life: Duration,
    sessions: HashMap<SessionId, Listed<()>>,
    subjects: HashMap<Subject, Listed<SubjectVersion>>,
    latest: u64,
    /// When the earliest entry was written; pruning is skipped until that one is old enough.
    earliest: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct Listed<T> {
    value: T,
    number: u64,
    at: Timestamp,
    digest: String,
}

/// The part of a [`RevocationList`] that is newer than some entry, as digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationDigests {
    /// The number of the latest entry: the cursor for the next call.
    pub latest: u64,
    /// Revoked sessions.
    pub sessions: Vec<String>,
    /// Revoked subjects, each with the lowest version that is still valid.
    pub subjects: Vec<(String, SubjectVersion)>,
}

impl RevocationList {
    /// An empty list. `life` is how long access tokens are accepted after they were issued: their lifetime and the leeway
    /// for clocks.
    pub fn new(life: Duration) -> Self {
        Self {
            life,
            sessions: HashMap::new(),
            subjects: HashMap::new(),
            latest: 0,
            earliest: None,
        }
    }

    /// How long an entry can apply to a valid token.
    pub const fn life(&self) -> Duration {
        self.life
    }

    /// The number of the latest entry of the log that has been added.
    pub const fn latest(&self) -> u64 {
        self.latest
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.sessions.len() + self.subjects.len()
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an entry of the log. Entries MUST come in the order of their numbers; one that was added before changes nothing.
    pub fn add(&mut self, entry: &Revocation) {
        if entry.number <= self.latest {
            return;
        }
        self.latest = entry.number;
        let (number, at) = (entry.number, entry.at);
        self.earliest = Some(self.earliest.map_or(at, |earliest| earliest.min(at)));
        match &entry.revoked {
            Revoked::Session(id) => {
                let digest = revocation_digest(&id.to_string());
                self.sessions.insert(
                    *id,
                    Listed {
                        value: (),
                        number,
                        at,
                        digest,
                    },
                );
            }
            Revoked::Subject {
                subject,
                lowest_version,
            } => {
                let digest = revocation_digest(&subject.to_string());
                let value = self
                    .subjects
                    .get(subject)
                    .map_or(*lowest_version, |listed| listed.value.max(*lowest_version));
                self.subjects.insert(
                    subject.clone(),
                    Listed {
                        value,
                        number,
                        at,
                        digest,
                    },
                );
            }
        }
    }

    /// Deletes the entries that can apply to no valid token at `now`. Cheap unless an entry is old enough.
    pub fn prune(&mut self, now: Timestamp) {
        let horizon = now - self.life;
        if self.earliest.is_none_or(|earliest| earliest >= horizon) {
            return;
        }
        self.sessions.retain(|_, listed| listed.at >= horizon);
        self.subjects.retain(|_, listed| listed.at >= horizon);
        let sessions = self.sessions.values().map(|listed| listed.at);
        let subjects = self.subjects.values().map(|listed| listed.at);
        self.earliest = sessions.chain(subjects).min();
    }

    /// Whether a token with these claims is revoked.
    pub fn revokes(&self, claims: &AccessClaims) -> bool {
        self.sessions.contains_key(&claims.session_id)
            || self
                .subjects
                .get(&claims.subject)
                .is_some_and(|listed| claims.subject_version < listed.value)
    }

    /// The entries added after the entry `number` and written at or after `since`, in alphabetical order, which reveals nothing
    /// about the ids.
    pub fn digests_after(&self, number: u64, since: Timestamp) -> RevocationDigests {
        let mut sessions: Vec<String> = self
            .sessions
            .values()
            .filter(|listed| listed.number > number && listed.at >= since)
            .map(|listed| listed.digest.clone())
            .collect();
        let mut subjects: Vec<(String, SubjectVersion)> = self
            .subjects
            .values()
            .filter(|listed| listed.number > number && listed.at >= since)
            .map(|listed| (listed.digest.clone(), listed.value))
            .collect();
        sessions.sort_unstable();
        subjects.sort_unstable();
        RevocationDigests {
            latest: self.latest,
            sessions,
            subjects,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Roles;
    use crate::client::ClientId;
    use crate::id::{TokenId, UserId};
    use crate::session::Authentication;

    const LIFE: Duration = Duration::from_secs(905);
    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn claims(session: u8, user: u8, version: u32) -> AccessClaims {
        AccessClaims {
            subject: UserId::from_bytes([user; 16]).into(),
            session_id: SessionId::from_bytes([session; 16]),
            token_id: TokenId::from_bytes([0; 16]),
            subject_version: SubjectVersion::new(version),
            roles: Roles::user(),
            email: None,
            email_verified: false,
            issued_at: NOW,
            expires_at: NOW,
            authentication: Some(Authentication::by_password(NOW)),
        }
    }

    fn session(number: u64, id: u8, at: Timestamp) -> Revocation {
        Revocation {
            number,
            at,
            revoked: Revoked::Session(SessionId::from_bytes([id; 16])),
        }
    }

    fn user(number: u64, id: u8, version: u32) -> Revocation {
        let revoked = Revoked::Subject {
            subject: UserId::from_bytes([id; 16]).into(),
            lowest_version: SubjectVersion::new(version),
        };
        Revocation {
            number,
            at: NOW,
            revoked,
        }
    }

    #[test]
    fn a_session_is_revoked_by_its_id_and_a_user_up_to_a_version() {
        let mut list = RevocationList::new(LIFE);
        list.add(&session(1, 7, NOW));
        list.add(&user(2, 8, 3));
        assert!(list.revokes(&claims(7, 1, 1)));
        assert!(!list.revokes(&claims(6, 1, 1)));
        assert!(list.revokes(&claims(1, 8, 2)));
        assert!(!list.revokes(&claims(1, 8, 3)));
    }

    #[test]
    fn a_service_is_revoked_up_to_a_version_too() {
        let service = || Subject::Service(ClientId::parse("billing").expect("a client id"));
        let mut list = RevocationList::new(LIFE);
        list.add(&Revocation {
            number: 1,
            at: NOW,
            revoked: Revoked::Subject {
                subject: service(),
                lowest_version: SubjectVersion::new(3),
            },
        });
        let claims = |version| AccessClaims {
            subject: service(),
            authentication: None,
            ..claims(1, 1, version)
        };
        assert!(list.revokes(&claims(2)));
        assert!(!list.revokes(&claims(3)));
        // printf billing | openssl dgst -sha256 -binary | head -c 16 | base64
        let digest = "DJXH7OHOGpdQJ17xxtetaw".to_owned();
        assert_eq!(
            list.digests_after(0, NOW).subjects,
            [(digest, SubjectVersion::new(3))]
        );
    }

    #[test]
    fn the_lowest_valid_version_never_decreases_and_a_repeated_entry_is_ignored() {
        let mut list = RevocationList::new(LIFE);
        list.add(&user(5, 8, 4));
        list.add(&user(6, 8, 3));
        list.add(&session(6, 7, NOW));
        assert!(list.revokes(&claims(1, 8, 3)));
        assert!(!list.revokes(&claims(7, 1, 1)));
        assert_eq!(list.latest(), 6);
    }

    #[test]
    fn entries_are_pruned_only_when_no_valid_token_can_be_revoked_by_them() {
        let mut list = RevocationList::new(LIFE);
        list.add(&session(1, 7, NOW));
        list.add(&session(2, 8, NOW + Duration::from_secs(10)));
        list.prune(NOW + LIFE);
        assert_eq!(list.len(), 2);
        list.prune(NOW + LIFE + Duration::from_micros(1));
        assert_eq!(list.len(), 1);
        list.prune(NOW + LIFE + Duration::from_secs(11));
        assert!(list.is_empty());
        assert_eq!(list.latest(), 2);
    }

    #[test]
    fn a_cursor_returns_only_newer_entries() {
        let mut list = RevocationList::new(LIFE);
        list.add(&session(1, 7, NOW));
        list.add(&user(2, 8, 3));
        assert_eq!(list.digests_after(0, NOW).sessions.len(), 1);
        let newer = list.digests_after(1, NOW);
        assert_eq!(
            (newer.sessions.len(), newer.subjects.len(), newer.latest),
            (0, 1, 2)
        );
        assert!(list.digests_after(2, NOW).subjects.is_empty());
    }

    #[test]
    fn the_revocation_digest_is_as_documented() {
        // printf 01890a5d-ac96-774b-bcce-b302099a8057 | openssl dgst -sha256 -binary | head -c 16 | base64
        assert_eq!(
            revocation_digest("01890a5d-ac96-774b-bcce-b302099a8057"),
            "h71q2LHwBdr9PyMJmXan7w"
        );
    }
}
