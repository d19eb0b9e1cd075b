use core::time::Duration;

use crate::time::Timestamp;

/// The length of the spans that guesses are counted by.
const HOUR: Duration = Duration::from_hours(1);

/// How many of them any 24 hours can touch: the one that is under way, 23 whole ones, and part of the one before those.
const SPANS: usize = 25;

/// How many guesses were counted in each hour of the clock of the last 24 hours: the hour of the latest guess first, then
/// back in time.
///
/// Any 24 hours touch 25 hours of the clock at most. Whoever keeps the sum of those 25 within a bound keeps every 24 hours
/// within it, wherever they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecentAttempts([u32; SPANS]);

impl RecentAttempts {
    /// How many bytes they are as bytes.
    pub const BYTES: usize = SPANS * 4;

    /// No guesses.
    pub const NONE: Self = Self([0; SPANS]);

    /// Guesses that were all made in the hour of the latest one.
    pub const fn at_once(count: u32) -> Self {
        let mut spans = [0; SPANS];
        spans[0] = count;
        Self(spans)
    }

    /// All of them.
    pub fn total(&self) -> u32 {
        self.0.iter().fold(0, |sum, count| count.saturating_add(sum))
    }

    /// As bytes: each count in four, the most significant first.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for (place, count) in bytes.chunks_exact_mut(4).zip(self.0) {
            place.copy_from_slice(&count.to_be_bytes());
        }
        bytes
    }

    /// The guesses of these bytes.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let mut spans = [0; SPANS];
        let counts = bytes.as_chunks::<4>().0;
        for (count, bytes) in spans.iter_mut().zip(counts) {
            *count = u32::from_be_bytes(*bytes);
        }
        Self(spans)
    }

    /// The guesses as they are to be seen at `now`, when the latest was at `last`: those too long ago are left out. Those
    /// that lie in the future, because a clock was set back, count as made now.
    pub(super) fn seen_at(self, last: Timestamp, now: Timestamp) -> Self {
        let mut seen = Self::NONE;
        let passed = hour(now).saturating_sub(hour(last));
        for (age, count) in (0_i64..).zip(self.0) {
            let age = usize::try_from(age.saturating_add(passed)).unwrap_or(0);
            if let Some(span) = seen.0.get_mut(age) {
                *span = span.saturating_add(count);
            }
        }
        seen
    }

    /// The same with one more in the hour of the latest.
    pub(super) const fn and_one(mut self) -> Self {
        self.0[0] = self.0[0].saturating_add(1);
        self
    }

    /// The same without one that was counted at `counted`, when the latest was at `last`.
    pub(super) fn without_one(mut self, last: Timestamp, counted: Timestamp) -> Self {
        let age = hour(last).saturating_sub(hour(counted));
        if let Some(span) = self.0.get_mut(usize::try_from(age).unwrap_or(0)) {
            *span = span.saturating_sub(1);
        }
        self
    }

    /// How long from `now` until fewer than `bound` are left, when they are what is seen now and none is added. Zero when
    /// that is so already. For a bound of at least 1 it is at most 25 hours.
    pub(super) fn wait_for_fewer_than(&self, bound: u32, now: Timestamp) -> Duration {
        let mut left = self.total();
        // The oldest hour is the first to be over for long enough.
        for (age, count) in self.0.iter().enumerate().rev() {
            if left < bound {
                break;
            }
            left = left.saturating_sub(*count);
            if left < bound {
                let hours = u32::try_from(SPANS - age).unwrap_or(u32::MAX);
                return (beginning_of_hour(now) + HOUR * hours).since(now);
            }
        }
        Duration::ZERO
    }
}

/// The number of the hour of the clock that an instant is in.
const fn hour(instant: Timestamp) -> i64 {
    instant.as_unix_seconds().div_euclid(3600)
}

const fn beginning_of_hour(instant: Timestamp) -> Timestamp {
    Timestamp::from_unix_seconds(hour(instant).saturating_mul(3600))
}
