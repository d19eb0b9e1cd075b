//! Whether the wall clock tells how old something is.
//!
//! A clock that is wrong for a minute must not cost what has been kept for a month: what is deleted because it seems old
//! does not come back when the clock is set right. A process cannot know whether its wall clock is right, but it can see it
//! being moved, because the monotonic clock is not. So nothing is deleted because of its age until some time after.

use core::time::Duration;

use crate::time::Timestamp;
use crate::token::CLOCK_MARGIN;

/// How far the wall clock may deviate from the monotonic one before it counts as moved.
const TOLERANCE: Duration = Duration::from_secs(10);

/// How long the wall clock must have run with the monotonic one, after it was moved, until it is relied on again. Until then
/// somebody may notice that it is wrong.
const SETTLED_AFTER: Duration = Duration::from_hours(1);

/// The time, and what is known about the clock that it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// The time on the wall clock.
    pub now: Timestamp,
    /// How long the wall clock has run with the monotonic one: since it was moved, or since the process began.
    steady_for: Duration,
    /// Whether it was moved since the process began.
    was_moved: bool,
}

impl ClockReading {
    /// The time on a clock that is known to be right.
    pub const fn trusted(now: Timestamp) -> Self {
        Self {
            now,
            steady_for: Duration::MAX,
            was_moved: false,
        }
    }

    /// Whether something may be deleted, or given up, because of its age. Not within an hour after the clock was moved.
    pub fn tells_age(&self) -> bool {
        !self.was_moved || self.steady_for >= SETTLED_AFTER
    }

    /// Whether revocations may be deleted because of their age, which is safe even if the clock is wrong: tokens live for
    /// `life`, so those that a revocation from before this clock was watched refers to have expired by now.
    pub fn tells_age_of_revocations(&self, life: Duration) -> bool {
        self.tells_age() && self.steady_for >= life.saturating_add(CLOCK_MARGIN)
    }
}

/// Compares the wall clock with the monotonic one.
#[derive(Debug, Clone, Copy)]
pub struct ClockWatch {
    /// The times on the two clocks from which they are compared.
    since: (Timestamp, Duration),
    was_moved: bool,
}

impl ClockWatch {
    /// Begins to watch. `monotonic` is the time on the monotonic clock, since any instant.
    pub const fn start(now: Timestamp, monotonic: Duration) -> Self {
        Self {
            since: (now, monotonic),
            was_moved: false,
        }
    }

    /// The reading of the two clocks at one instant.
    pub fn observe(&mut self, now: Timestamp, monotonic: Duration) -> ClockReading {
        let (wall, start) = self.since;
        let steady_for = monotonic.saturating_sub(start);
        let expected = wall + steady_for;
        if now.since(expected).max(expected.since(now)) > TOLERANCE {
            self.since = (now, monotonic);
            self.was_moved = true;
        }
        ClockReading {
            now,
            steady_for: monotonic.saturating_sub(self.since.1),
            was_moved: self.was_moved,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);
    const LIFE: Duration = Duration::from_secs(905);
    const DAY: Duration = Duration::from_hours(24);

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_steady_clock_tells_age_and_that_of_revocations_once_their_tokens_have_expired() {
        let mut watch = ClockWatch::start(START, seconds(77));
        let mut at = |after: u64| watch.observe(START + seconds(after), seconds(77 + after));
        assert!(at(0).tells_age());
        assert!(!at(0).tells_age_of_revocations(LIFE));
        assert!(!at(1024).tells_age_of_revocations(LIFE));
        assert!(at(1025).tells_age_of_revocations(LIFE));
        assert!(ClockReading::trusted(START).tells_age_of_revocations(LIFE));
    }

    #[test]
    fn a_clock_that_was_moved_tells_no_age_for_an_hour_in_either_direction() {
        for moved in [START + DAY, START - DAY, START + seconds(3600 + 11)] {
            let mut watch = ClockWatch::start(START, Duration::ZERO);
            assert!(!watch.observe(moved, seconds(3600)).tells_age());
            let mut at = |after: u64| watch.observe(moved + seconds(after), seconds(3600 + after));
            assert!(!at(3599).tells_age() && !at(3599).tells_age_of_revocations(LIFE));
            assert!(at(3600).tells_age() && at(3600).tells_age_of_revocations(LIFE));
        }
    }

    #[test]
    fn setting_the_clock_right_again_is_a_move_too() {
        let mut watch = ClockWatch::start(START, Duration::ZERO);
        watch.observe(START + DAY, seconds(60));
        assert!(!watch.observe(START + seconds(120), seconds(120)).tells_age());
        assert!(!watch.observe(START + seconds(3700), seconds(3700)).tells_age());
        assert!(watch.observe(START + seconds(3720), seconds(3720)).tells_age());
    }

    #[test]
    fn small_deviations_are_no_move_until_they_add_up() {
        let mut watch = ClockWatch::start(START, Duration::ZERO);
        for minute in 1..=10 {
            let (now, monotonic) = (START + seconds(61 * minute), seconds(60 * minute));
            assert!(watch.observe(now, monotonic).tells_age(), "{minute}");
        }
        assert!(!watch.observe(START + seconds(671), seconds(660)).tells_age());
    }

    proptest! {
        /// Whenever the age of revocations counts, none is deleted that a living token needs, wherever the clock stood and
        /// however it was moved.
        #[test]
        fn no_revocation_goes_before_its_tokens(
            steps in proptest::collection::vec((1_u64..2000, -5000_i64..5000, any::<bool>()), 1..40),
        ) {
            let mut offset = 0_i64;
            let mut real = 0_u64;
            let wall = |real: u64, offset: i64| {
                Timestamp::from_unix_seconds(1_700_000_000 + i64::try_from(real).unwrap() + offset)
            };
            let mut watch = ClockWatch::start(wall(0, 0), Duration::ZERO);
            // The real and the written time of each revocation.
            let mut revocations = vec![(0, Timestamp::from_micros(0))];
            for (pause, jump, jumps) in steps {
                real += pause;
                if jumps {
                    offset += jump;
                }
                let now = wall(real, offset);
                let reading = watch.observe(now, seconds(real));
                if reading.tells_age_of_revocations(LIFE) {
                    revocations.retain(|(at, written): &(u64, Timestamp)| {
                        let is_deleted = *written < now - LIFE - CLOCK_MARGIN;
                        assert!(!is_deleted || real - at > LIFE.as_secs());
                        !is_deleted
                    });
                }
                revocations.push((real, now));
            }
        }
    }
}
