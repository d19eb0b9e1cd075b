//! How many password attempts an account allows.
//!
//! The policy counts attempts on an *account*, from whatever address, and counts them in the same way for accounts that do
//! not exist, so that a rejection does not reveal whether an account exists. An attempt is counted *before* its password
//! is verified, and the count is reset after a success: concurrent attempts, in one process or several, cannot exceed the
//! limit.
//!
//! A network that the owner has logged in from has a record of its own beside that of the account. The policy treats all
//! records alike.

use core::time::Duration;

use crate::time::Timestamp;

use super::RecentAttempts;

/// The key of an attempt record: a keyed hash of the canonical e-mail address, or of the address and a network. It does not
/// reveal either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptKey([u8; 32]);

impl AttemptKey {
    /// Wraps the bytes that an [`AttemptKeys`](crate::attempt::AttemptKeys) made.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key as bytes, as stored.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The stored counts of the attempts under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Attempts counted since the last success or since the record was deleted.
    pub failures: u32,
    /// Attempts counted in the last 24 hours, without successful ones; the first span is the hour of `last_at`.
    pub recent: RecentAttempts,
    /// When the latest attempt was counted.
    pub last_at: Timestamp,
}

impl AttemptRecord {
    /// The record after the attempt counted at `counted` has succeeded: the wait ends, and that attempt no longer counts. The
    /// other attempts of the last 24 hours still count; otherwise each login of the owner would allow more free attempts.
    /// `None` when nothing is left to store.
    #[must_use]
    pub fn forgiven(&self, counted: Timestamp) -> Option<Self> {
        let recent = self.recent.without_one(self.last_at, counted);
        (recent != RecentAttempts::NONE).then_some(Self {
            failures: 0,
            recent,
            last_at: self.last_at,
        })
    }
}

/// Whether an attempt may be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptDecision {
    /// The attempt is allowed; this record must be stored before the password is verified.
    Allowed(AttemptRecord),
    /// Rejected; the next attempt is allowed after `wait`, if no other attempt is counted meanwhile.
    Wait {
        /// The remaining wait, never zero.
        wait: Duration,
        /// The record to store when the latest attempt lies in the future because a clock was set back; without it, an
        /// attempt after `wait` would be rejected again.
        correction: Option<AttemptRecord>,
    },
}

/// The limits on attempts on one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptPolicy {
    /// The number of attempts without a wait.
    pub free: u32,
    /// The wait that follows the last free attempt; it doubles with each attempt after that.
    pub first_wait: Duration,
    /// The longest wait between two attempts.
    pub max_wait: Duration,
    /// The most attempts in any 24 hours that are not successes; 0 counts as 1.
    pub daily: u32,
}

impl Default for AttemptPolicy {
    fn default() -> Self {
        Self {
            free: 5,
            first_wait: Duration::from_secs(30),
            max_wait: Duration::from_mins(15),
            daily: 100,
        }
    }
}

impl AttemptPolicy {
    /// How long a record can affect a decision after its latest attempt. Older records may be deleted.
    pub const MEMORY: Duration = Duration::from_hours(25);

    /// Decides about an attempt at `now` from the stored record, and counts the attempt if it is allowed.
    pub fn judge(&self, record: Option<&AttemptRecord>, now: Timestamp) -> AttemptDecision {
        let Some(record) = record else {
            return AttemptDecision::Allowed(AttemptRecord {
                failures: 1,
                recent: RecentAttempts::NONE.and_one(),
                last_at: now,
            });
        };
        // A latest attempt in the future (a clock was set back) is taken as made now.
        let last_at = record.last_at.min(now);
        let recent = record.recent.seen_at(record.last_at, now);
        let wait = self
            .wait_after(record.failures)
            .saturating_sub(now.since(last_at))
            .max(recent.wait_for_fewer_than(self.daily.max(1), now));
        if wait.is_zero() {
            return AttemptDecision::Allowed(AttemptRecord {
                failures: record.failures.saturating_add(1),
                recent: recent.and_one(),
                last_at: now,
            });
        }
        let correction = (last_at != record.last_at).then_some(AttemptRecord {
            failures: record.failures,
            recent,
            last_at,
        });
        AttemptDecision::Wait { wait, correction }
    }

    /// The wait that follows the `failures`th attempt: none while attempts are free, then doubling up to the longest.
    fn wait_after(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(self.free.max(1)) else {
            return Duration::ZERO;
        };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.first_wait.saturating_mul(factor).min(self.max_wait)
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
