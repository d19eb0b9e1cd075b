//! How many guesses an account allows.
//!
//! The policy counts guesses at an *account*, wherever they come from, and it counts them for accounts that do not
//! exist just the same, so that being refused tells nothing. A guess is counted *before* its password is verified and
//! forgiven after a success: guesses that run side by side, in one process or several, cannot outrun the count.

use core::time::Duration;

use crate::time::Timestamp;

/// The span over which [`AttemptPolicy::daily`] guesses are counted.
const DAY: Duration = Duration::from_hours(24);

/// Names an account in the table of attempts without telling its address: a keyed hash of the canonical e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptKey([u8; 32]);

impl AttemptKey {
    /// The key of these bytes, as an [`AttemptKeys`](crate::ports::AttemptKeys) made them.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What is remembered of the guesses at one account since its last success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Guesses counted since the last success or since the record was forgotten.
    pub failures: u32,
    /// Guesses counted since `day_started_at`.
    pub day_failures: u32,
    /// The first guess of the current day of counting.
    pub day_started_at: Timestamp,
    /// The latest guess.
    pub last_at: Timestamp,
}

/// Whether a guess may be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It may; store this record before the password is verified.
    Allowed(AttemptRecord),
    /// Not before this long from now; never zero.
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
    /// The most guesses in any 24 hours counted from the first of them.
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
    /// Judges a guess at `now` by what is remembered, and counts it when it is allowed.
    pub fn judge(&self, record: Option<&AttemptRecord>, now: Timestamp) -> Judgement {
        let Some(record) = record else {
            return Judgement::Allowed(AttemptRecord {
                failures: 1,
                day_failures: 1,
                day_started_at: now,
                last_at: now,
            });
        };
        let corrected = AttemptRecord {
            last_at: record.last_at.min(now),
            day_started_at: record.day_started_at.min(now),
            ..*record
        };
        let correction = (corrected != *record).then_some(corrected);
        let record = &corrected;
        let waited = now.since(record.last_at);
        let wait = self.wait_after(record.failures);
        if waited < wait {
            return Judgement::Wait {
                wait: wait.saturating_sub(waited),
                correction,
            };
        }
        let day = now.since(record.day_started_at);
        if day >= DAY {
            let failures = record.failures.saturating_add(1);
            return Judgement::Allowed(AttemptRecord {
                failures,
                day_failures: 1,
                day_started_at: now,
                last_at: now,
            });
        }
        if record.day_failures >= self.daily {
            return Judgement::Wait {
                wait: DAY.saturating_sub(day),
                correction,
            };
        }
        Judgement::Allowed(AttemptRecord {
            failures: record.failures.saturating_add(1),
            day_failures: record.day_failures.saturating_add(1),
            day_started_at: record.day_started_at,
            last_at: now,
        })
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

    /// Guesses as fast as the policy allows and says at which second each guess was made.
    fn greedy(policy: &AttemptPolicy, guesses: usize) -> Vec<u64> {
        let (mut record, mut now, mut seconds) = (None, START, Vec::new());
        while seconds.len() < guesses {
            match policy.judge(record.as_ref(), now) {
                Judgement::Allowed(counted) => {
                    record = Some(counted);
                    seconds.push(now.since(START).as_secs());
                }
                Judgement::Wait { wait, .. } => now = now + wait,
            }
        }
        seconds
    }

    #[test]
    fn five_are_free_then_the_wait_doubles_to_its_bound() {
        let seconds = greedy(&AttemptPolicy::default(), 13);
        let waits: Vec<u64> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(waits, [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]);
    }

    #[test]
    fn a_day_allows_no_more_than_its_bound() {
        let policy = AttemptPolicy {
            free: 1000,
            ..AttemptPolicy::default()
        };
        let seconds = greedy(&policy, 201);
        assert_eq!(seconds[99], 0);
        assert_eq!(seconds[100], 24 * 60 * 60);
        assert_eq!(seconds[200], 2 * 24 * 60 * 60);
    }

    #[test]
    fn a_clock_set_back_neither_frees_nor_locks_for_ever() {
        let policy = AttemptPolicy::default();
        let record = AttemptRecord {
            failures: 5,
            day_failures: 5,
            day_started_at: START,
            last_at: START,
        };
        let earlier = START - Duration::from_secs(3600);
        let Judgement::Wait {
            wait,
            correction: Some(corrected),
        } = policy.judge(Some(&record), earlier)
        else {
            panic!("a guess, or nothing to remember");
        };
        assert_eq!(wait, Duration::from_secs(30));
        assert!(matches!(
            policy.judge(Some(&corrected), earlier + wait),
            Judgement::Allowed(_)
        ));
    }

    proptest! {
        #[test]
        fn waiting_as_told_is_followed_by_a_guess(failures in 0_u32..500, day in 0_u32..500, since in 0_u64..200_000, ago in 0_u64..200_000) {
            let policy = AttemptPolicy::default();
            let now = START + Duration::from_secs(1_000_000);
            let record = AttemptRecord {
                failures, day_failures: day,
                day_started_at: now - Duration::from_secs(since.max(ago)), last_at: now - Duration::from_secs(ago),
            };
            let mut later = now;
            // At most two waits: the account's own, then the day's.
            for _ in 0..2 {
                if let Judgement::Wait { wait, .. } = policy.judge(Some(&record), later) {
                    prop_assert!(wait > Duration::ZERO);
                    prop_assert!(wait <= DAY);
                    later = later + wait;
                }
            }
            prop_assert!(matches!(policy.judge(Some(&record), later), Judgement::Allowed(_)));
        }

        #[test]
        fn no_day_sees_more_than_the_bound(free in 1_u32..20, daily in 1_u32..40, pauses in proptest::collection::vec(0_u64..5_000, 1..300)) {
            let policy = AttemptPolicy { free, daily, ..AttemptPolicy::default() };
            let (mut record, mut now, mut in_day) = (None, START, 0);
            for pause in pauses {
                now = now + Duration::from_secs(pause);
                if let Judgement::Allowed(counted) = policy.judge(record.as_ref(), now) {
                    in_day = if record.is_none_or(|r: AttemptRecord| r.day_started_at != counted.day_started_at) { 1 } else { in_day + 1 };
                    prop_assert!(in_day <= daily);
                    record = Some(counted);
                }
            }
        }
    }
}
