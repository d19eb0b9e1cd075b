use core::time::Duration;

use crate::clock::ClockReading;
use crate::time::Timestamp;

/// When a failed job is tried again, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The waits after the first failures, in order.
    pub delays: &'static [Duration],
    /// The wait after each later failure.
    pub then: Duration,
}

/// What becomes of a job after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Tried again at this time.
    At(Timestamp),
    /// Given up.
    Dead,
}

impl RetryPolicy {
    /// The shortest wait, whatever the policy says: it bounds the number of attempts.
    pub const MIN_DELAY: Duration = Duration::from_secs(1);

    /// What becomes of a job whose attempt number `attempts` (from 1) has failed now. It is given up if the next attempt would
    /// not be before `give_up_at`, unless the clock does not tell how old the job is.
    pub fn next_attempt(&self, attempts: u32, give_up_at: Timestamp, clock: ClockReading) -> Retry {
        let failures_before = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let delay = self.delays.get(failures_before).copied().unwrap_or(self.then);
        let at = clock.now + delay.max(Self::MIN_DELAY);
        if at < give_up_at || !clock.tells_age() {
            Retry::At(at)
        } else {
            Retry::Dead
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::clock::ClockWatch;

    use super::*;

    const START: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

    /// Shorter than allowed, and not in order.
    const DELAYS: [Duration; 4] = [
        Duration::ZERO,
        Duration::from_millis(10),
        Duration::from_secs(60),
        Duration::from_secs(5),
    ];

    fn policies() -> impl Strategy<Value = RetryPolicy> {
        (0..=DELAYS.len(), 0_u64..1_000_000).prop_map(|(delays, then)| RetryPolicy {
            delays: DELAYS.get(..delays).unwrap_or_default(),
            then: Duration::from_micros(then),
        })
    }

    #[test]
    fn waits_follow_the_policy_until_it_gives_up() {
        const DELAYS: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(8)];
        let second = Duration::from_secs(1);
        let policy = RetryPolicy {
            delays: &DELAYS,
            then: Duration::from_secs(20),
        };
        let give_up_at = START + Duration::from_secs(60);
        let next = |attempts, after: u32| {
            policy.next_attempt(
                attempts,
                give_up_at,
                ClockReading::trusted(START + second * after),
            )
        };
        assert_eq!(next(1, 0), Retry::At(START + 2 * second));
        assert_eq!(next(2, 2), Retry::At(START + 10 * second));
        assert_eq!(next(3, 10), Retry::At(START + 30 * second));
        assert_eq!(next(4, 30), Retry::At(START + 50 * second));
        assert_eq!(next(5, 40), Retry::Dead, "at the bound is too late");
        assert_eq!(next(u32::MAX, 0), Retry::At(START + 20 * second));
    }

    #[test]
    fn a_clock_that_was_moved_gives_nothing_up() {
        let policy = RetryPolicy {
            delays: &[],
            then: Duration::from_secs(10),
        };
        let give_up_at = START + Duration::from_secs(60);
        let ahead = START + Duration::from_hours(24);
        let reading = ClockWatch::start(START, Duration::ZERO).observe(ahead, Duration::from_secs(1));
        assert_eq!(
            policy.next_attempt(1, give_up_at, reading),
            Retry::At(ahead + Duration::from_secs(10))
        );
        assert_eq!(
            policy.next_attempt(1, give_up_at, ClockReading::trusted(ahead)),
            Retry::Dead
        );
    }

    proptest! {
        #[test]
        fn a_retry_is_in_the_future_and_before_the_bound(
            policy in policies(),
            attempts in any::<u32>(),
            bound in any::<i64>(),
            now in any::<i64>(),
        ) {
            let (bound, now) = (Timestamp::from_micros(bound), Timestamp::from_micros(now));
            if let Retry::At(at) = policy.next_attempt(attempts, bound, ClockReading::trusted(now)) {
                prop_assert!(now < at && at < bound);
                prop_assert!(at.since(now) >= RetryPolicy::MIN_DELAY);
            }
        }

        #[test]
        fn a_later_failure_is_never_retried_earlier(
            policy in policies(),
            give_up_after in 0_u64..100_000_000,
            attempts in 1_u32..8,
            now in 0_u64..200_000_000,
            later in 0_u64..200_000_000,
        ) {
            let give_up_at = START + Duration::from_micros(give_up_after);
            let next = |now| policy.next_attempt(attempts, give_up_at, ClockReading::trusted(now));
            let now = START + Duration::from_micros(now);
            match (next(now), next(now + Duration::from_micros(later))) {
                (Retry::At(first), Retry::At(second)) => prop_assert!(first <= second),
                (Retry::Dead, second) => prop_assert_eq!(second, Retry::Dead),
                (Retry::At(_), Retry::Dead) => {}
            }
        }

        #[test]
        fn the_number_of_attempts_is_bounded(policy in policies(), give_up_after in 0_u64..100_000_000) {
            let give_up_at = START + Duration::from_micros(give_up_after);
            let bound = u128::from(give_up_after) / RetryPolicy::MIN_DELAY.as_micros() + 1;
            let (mut now, mut attempts) = (START, 1_u32);
            while let Retry::At(at) = policy.next_attempt(attempts, give_up_at, ClockReading::trusted(now)) {
                (now, attempts) = (at, attempts + 1);
                prop_assert!(u128::from(attempts) <= bound);
            }
        }
    }
}
