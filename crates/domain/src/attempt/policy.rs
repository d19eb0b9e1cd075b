//! How many guesses an account allows.
//!
//! The policy counts guesses at an *account*, wherever they come from, and it counts them for accounts that do not
//! exist just the same, so that being refused tells nothing. A guess is counted *before* its password is verified and
//! forgiven after a success: guesses that run side by side, in one process or several, cannot outrun the count.
//!
//! A network that the owner has logged in from has a record of its own beside the account's; to the policy a record is a
//! record.

use core::time::Duration;

use crate::time::Timestamp;

use super::RecentAttempts;

/// Names a record in the table of attempts without telling whose it is: a keyed hash of the canonical e-mail, or of that
/// and a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptKey([u8; 32]);

impl AttemptKey {
    /// The key of these bytes, as an [`AttemptKeys`](crate::attempt::AttemptKeys) made them.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What is remembered of the guesses on one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Guesses counted since the last success or since the record was forgotten.
    pub failures: u32,
    /// Guesses counted in the last 24 hours, without those that were successes; the first hour is that of `last_at`.
    pub recent: RecentAttempts,
    /// The latest guess.
    pub last_at: Timestamp,
}

impl AttemptRecord {
    /// The record after the guess that was counted at `counted` turned out to be right: the wait is over, and the guess
    /// itself was none. What else was counted today stays, or each login of the owner would hand out free guesses.
    /// `None` when nothing is left to remember.
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

/// Whether a guess may be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptDecision {
    /// It may; store this record before the password is verified.
    Allowed(AttemptRecord),
    /// Not before this long from now; never zero. If no other guess is counted meanwhile, it may then.
    Wait {
        /// How long.
        wait: Duration,
        /// What is to be remembered from now on, when what is remembered lies in the future: a clock was set back, and
        /// waiting as told must be followed by a guess all the same.
        correction: Option<AttemptRecord>,
    },
}

/// The limits on guessing one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptPolicy {
    /// Guesses that cost nothing.
    pub free: u32,
    /// The wait after the last free guess; it doubles with each guess after that.
    pub first_wait: Duration,
    /// The longest wait between two guesses.
    pub max_wait: Duration,
    /// The most guesses in any 24 hours that are not successes; 0 counts as 1.
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
    /// How long after its latest guess a record can matter.
    pub const MEMORY: Duration = Duration::from_hours(25);

    /// Judges a guess at `now` by what is remembered, and counts it when it is allowed.
    pub fn judge(&self, record: Option<&AttemptRecord>, now: Timestamp) -> AttemptDecision {
        let Some(record) = record else {
            return AttemptDecision::Allowed(AttemptRecord {
                failures: 1,
                recent: RecentAttempts::NONE.and_one(),
                last_at: now,
            });
        };
        // What lies in the future was made now; for everything else this changes nothing.
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

    /// The wait that follows the `failures`th guess: none while guesses are free, then doubling up to the longest.
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
