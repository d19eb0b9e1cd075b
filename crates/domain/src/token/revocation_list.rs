//! The recent revocations, as an instance holds and publishes them.

use core::time::Duration;
use std::collections::{BTreeMap, HashMap};

use sha2::{Digest as _, Sha256};

use crate::id::SessionId;
use crate::subject::{Subject, SubjectVersion};
use crate::time::Timestamp;

use super::log_position::MAX_PENDING;
use super::{AccessClaims, LogPage, LogPosition, Revocation, RevocationDigest, Revoked};

/// The revocations that can still apply to a valid token.
#[derive(Debug, Clone)]
pub struct RevocationList {
    life: Duration,
    sessions: HashMap<SessionId, Listed<()>>,
    subjects: HashMap<Subject, Listed<SubjectVersion>>,
    /// What was read of the log, by transaction: for positions, and for what is newer than one.
    log: BTreeMap<u64, Vec<LogEntry>>,
    position: LogPosition,
    /// When the earliest entry was written; pruning is skipped until that one is old enough.
    earliest: Option<Timestamp>,
    /// A sum over the listed digests, which does not depend on their order.
    sum: u128,
    changes: u64,
}

#[derive(Debug, Clone)]
struct Listed<T> {
    value: T,
    at: Timestamp,
    digest: RevocationDigest,
}

#[derive(Debug, Clone)]
struct LogEntry {
    mark: u64,
    at: Timestamp,
    digest: RevocationDigest,
    lowest_version: Option<SubjectVersion>,
}

/// Revocations as digests, in the order of the digests, which reveals nothing about the ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RevocationDigests {
    /// Revoked sessions.
    pub sessions: Vec<RevocationDigest>,
    /// Revoked subjects, each with the lowest version that is still valid.
    pub subjects: Vec<(RevocationDigest, SubjectVersion)>,
}

/// Identifies the content of a list: the same in every instance that lists the same revocations, different for any other list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListContent {
    /// A sum over the listed digests.
    pub sum: u128,
    /// The number of listed sessions and subjects.
    pub len: usize,
}

impl RevocationList {
    /// An empty list. `life` is how long entries are kept: as long as access tokens are accepted after they were issued, and
    /// the tolerated difference between clocks.
    pub fn new(life: Duration) -> Self {
        Self {
            life,
            sessions: HashMap::new(),
            subjects: HashMap::new(),
            log: BTreeMap::new(),
            position: LogPosition::start(),
            earliest: None,
            sum: 0,
            changes: 0,
        }
    }

    /// How long an entry is kept.
    pub const fn life(&self) -> Duration {
        self.life
    }

    /// How far the log has been read.
    pub const fn position(&self) -> &LogPosition {
        &self.position
    }

    /// The number of revoked sessions and subjects.
    pub fn len(&self) -> usize {
        self.sessions.len() + self.subjects.len()
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Changes whenever the list changes.
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// Identifies what is listed.
    pub fn content(&self) -> ListContent {
        ListContent {
            sum: self.sum,
            len: self.len(),
        }
    }

    /// Adds what was read from `position`, which the list returned earlier.
    pub fn add_page(&mut self, position: &LogPosition, page: &LogPage) {
        for entry in &page.entries {
            self.add_entry(entry);
        }
        self.position = position.after(page);
    }

    /// Adds what this instance has committed before it has read it from the log. The position stays.
    pub fn add_own(&mut self, revoked: &Revoked, at: Timestamp) {
        let (digest, _) = digest_of(revoked);
        self.list(revoked, digest, at);
    }

    /// Returns to the start of the log, so that entries which were pruned by a clock that was ahead are listed again.
    pub fn read_again(&mut self) {
        self.log.clear();
        self.position = LogPosition::start();
    }

    /// Turns to another log: that of a database which was restored, or which lost its last transactions. Sessions stay revoked,
    /// although that log may not say so. Versions of subjects are those of the new log.
    pub fn begin_another_log(&mut self) {
        self.read_again();
        self.subjects.clear();
        self.count_anew();
        self.changes += 1;
    }

    fn add_entry(&mut self, entry: &Revocation) {
        let (mark, at) = (entry.mark(), entry.at);
        let known = self.log.entry(entry.transaction).or_default();
        // The last transaction is read again each time, as proof that the log is the same.
        if known.iter().any(|known| known.mark == mark) {
            return;
        }
        let (digest, lowest_version) = digest_of(&entry.revoked);
        known.push(LogEntry {
            mark,
            at,
            digest,
            lowest_version,
        });
        self.list(&entry.revoked, digest, at);
    }

    fn list(&mut self, revoked: &Revoked, digest: RevocationDigest, at: Timestamp) {
        let before = self.sum;
        match revoked {
            Revoked::Session(id) => {
                let listed = self.sessions.entry(*id).or_insert_with(|| {
                    self.sum = self.sum.wrapping_add(digest.to_number());
                    Listed {
                        value: (),
                        at,
                        digest,
                    }
                });
                listed.at = listed.at.max(at);
            }
            Revoked::Subject {
                subject,
                lowest_version,
            } => {
                if let Some(listed) = self.subjects.get_mut(subject) {
                    if listed.value < *lowest_version {
                        self.sum = self.sum.wrapping_sub(number(digest, listed.value));
                        self.sum = self.sum.wrapping_add(number(digest, *lowest_version));
                        listed.value = *lowest_version;
                    }
                    listed.at = listed.at.max(at);
                } else {
                    self.sum = self.sum.wrapping_add(number(digest, *lowest_version));
                    let value = *lowest_version;
                    self.subjects
                        .insert(subject.clone(), Listed { value, at, digest });
                }
            }
        }
        if self.sum != before {
            self.changes += 1;
        }
        self.earliest = Some(self.earliest.map_or(at, |earliest| earliest.min(at)));
    }

    /// Deletes the entries that can apply to no valid token at `now`. Cheap unless an entry is old enough.
    pub fn prune(&mut self, now: Timestamp) {
        let horizon = now - self.life;
        if self.earliest.is_none_or(|earliest| earliest >= horizon) {
            return;
        }
        let before = self.len();
        self.sessions.retain(|_, listed| listed.at >= horizon);
        self.subjects.retain(|_, listed| listed.at >= horizon);
        // The last transaction is kept: the next read begins with it.
        let latest = self.position.latest();
        self.log.retain(|transaction, entries| {
            *transaction == latest || {
                entries.retain(|entry| entry.at >= horizon);
                !entries.is_empty()
            }
        });
        let sessions = self.sessions.values().map(|listed| listed.at);
        let subjects = self.subjects.values().map(|listed| listed.at);
        self.earliest = sessions.chain(subjects).min();
        if self.len() != before {
            self.count_anew();
            self.changes += 1;
        }
    }

    fn count_anew(&mut self) {
        let sessions = self.sessions.values().map(|listed| listed.digest.to_number());
        let subjects = self
            .subjects
            .values()
            .map(|listed| number(listed.digest, listed.value));
        self.sum = sessions.chain(subjects).fold(0, u128::wrapping_add);
    }

    /// Whether a token with these claims is revoked.
    pub fn revokes(&self, claims: &AccessClaims) -> bool {
        self.sessions.contains_key(&claims.session_id)
            || self
                .subjects
                .get(&claims.subject)
                .is_some_and(|listed| claims.subject_version < listed.value)
    }

    /// The position to publish with the list.
    pub fn cursor(&self) -> LogPosition {
        let is_exact = self.position.pending().len() <= MAX_PENDING;
        if is_exact && self.log.contains_key(&self.position.latest()) {
            return self.position.clone();
        }
        let end = self.position.pending().iter().min();
        let end = end.copied().unwrap_or_else(|| self.position.latest());
        let last = self.log.range(..end).next_back();
        let last = last.and_then(|(transaction, entries)| Some((*transaction, entries.first()?.mark)));
        last.map_or_else(LogPosition::start, |(transaction, mark)| {
            LogPosition::after_transaction(transaction, mark)
        })
    }

    /// Everything listed.
    pub fn digests(&self) -> RevocationDigests {
        RevocationDigests {
            sessions: self.sessions.values().map(|listed| listed.digest).collect(),
            subjects: self
                .subjects
                .values()
                .map(|listed| (listed.digest, listed.value))
                .collect(),
        }
        .in_order()
    }

    /// Whether `position` is one of the log that was read, and not its start.
    pub fn knows(&self, position: &LogPosition) -> bool {
        let mut last = self.log.get(&position.latest()).into_iter().flatten();
        last.any(|entry| entry.mark == position.mark())
    }

    /// What was added after `position`; `None` unless the list [knows](Self::knows) it.
    pub fn digests_after(&self, position: &LogPosition) -> Option<RevocationDigests> {
        if !self.knows(position) {
            return None;
        }
        let later = self
            .log
            .range(position.latest() + 1..)
            .map(|(_, entries)| entries);
        let earlier = position
            .pending()
            .iter()
            .filter_map(|number| self.log.get(number));
        let mut digests = RevocationDigests::default();
        for entry in later.chain(earlier).flatten() {
            match entry.lowest_version {
                None => digests.sessions.push(entry.digest),
                Some(version) => digests.subjects.push((entry.digest, version)),
            }
        }
        Some(digests.in_order())
    }
}

impl RevocationDigests {
    /// Whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.subjects.is_empty()
    }

    /// Sorts, and keeps each session once and the greatest version of each subject.
    fn in_order(mut self) -> Self {
        self.sessions.sort_unstable();
        self.sessions.dedup();
        self.subjects
            .sort_unstable_by(|one, other| (one.0, other.1).cmp(&(other.0, one.1)));
        self.subjects.dedup_by_key(|(digest, _)| *digest);
        self
    }
}

/// The digest of the session or subject, and the lowest valid version of a subject.
fn digest_of(revoked: &Revoked) -> (RevocationDigest, Option<SubjectVersion>) {
    match revoked {
        Revoked::Session(id) => (RevocationDigest::of(&id.to_string()), None),
        Revoked::Subject {
            subject,
            lowest_version,
        } => (RevocationDigest::of(&subject.to_string()), Some(*lowest_version)),
    }
}

/// The number of a subject and version in the sum of a list.
fn number(digest: RevocationDigest, version: SubjectVersion) -> u128 {
    let digest = Sha256::new()
        .chain_update(digest.to_number().to_be_bytes())
        .chain_update(version.get().to_be_bytes())
        .finalize();
    u128::from_be_bytes(digest.first_chunk().copied().unwrap_or_default())
}

#[cfg(test)]
#[path = "revocation_list_tests.rs"]
mod tests;
