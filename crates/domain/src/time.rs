//! Instants without a clock.
//!
//! The domain receives the time as an argument and never reads a clock: every policy is a pure function that tests can run
//! at any instant.

use core::time::Duration;

/// An instant in UTC, in whole microseconds since 1970-01-01T00:00:00Z.
///
/// Both databases store microseconds exactly, so an instant read back equals the one written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `micros` microseconds after the Unix epoch (before it when negative).
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The instant `seconds` seconds after the Unix epoch, as JWT claims count time (RFC 7519 `NumericDate`).
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn as_unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This instant cut to whole seconds, the precision of a JWT claim.
    #[must_use]
    pub const fn cut_to_seconds(self) -> Self {
        Self::from_unix_seconds(self.as_unix_seconds())
    }

    /// This instant cut to whole minutes.
    #[must_use]
    pub const fn cut_to_minutes(self) -> Self {
        Self::from_unix_seconds(self.as_unix_seconds().div_euclid(60).saturating_mul(60))
    }

    /// The time from `earlier` to this instant; zero when `earlier` is later, for example because a clock was set back.
    pub fn since(self, earlier: Self) -> Duration {
        let micros = self.0.saturating_sub(earlier.0);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }
}

impl core::ops::Add<Duration> for Timestamp {
    type Output = Self;

    /// The instant `span` later, at most the end of representable time.
    fn add(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl core::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    /// The instant `span` earlier, at least the beginning of representable time.
    fn sub(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros))
    }
}

/// Seconds rounded up, at least one: waiting for as long is enough, and a span has a length.
pub fn whole_seconds(span: Duration) -> u64 {
    span.as_secs()
        .saturating_add(u64::from(span.subsec_nanos() > 0))
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_counts_as_zero_elapsed_time() {
        let later = Timestamp::from_unix_seconds(100);
        let earlier = Timestamp::from_unix_seconds(40);
        assert_eq!(later.since(earlier), Duration::from_secs(60));
        assert_eq!(earlier.since(later), Duration::ZERO);
    }

    #[test]
    fn seconds_are_rounded_down_on_both_sides_of_the_epoch() {
        assert_eq!(Timestamp::from_micros(1_999_999).as_unix_seconds(), 1);
        assert_eq!(Timestamp::from_micros(-1).as_unix_seconds(), -1);
    }

    #[test]
    fn minutes_are_rounded_down_on_both_sides_of_the_epoch() {
        let cut = |micros| Timestamp::from_micros(micros).cut_to_minutes().as_unix_seconds();
        assert_eq!([cut(119_999_999), cut(60_000_000), cut(-1)], [60, 60, -60]);
    }

    #[test]
    fn arithmetic_saturates_at_the_bounds() {
        assert_eq!(
            Timestamp::from_micros(i64::MAX) + Duration::MAX,
            Timestamp::from_micros(i64::MAX)
        );
        assert_eq!(
            Timestamp::from_micros(i64::MIN) - Duration::MAX,
            Timestamp::from_micros(i64::MIN)
        );
    }

    #[test]
    fn waits_are_rounded_up_to_whole_seconds() {
        for (wait, seconds) in [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (29_500, 30)] {
            assert_eq!(whole_seconds(Duration::from_millis(wait)), seconds);
        }
    }
}
