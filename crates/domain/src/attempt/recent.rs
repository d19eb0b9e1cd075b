use core::time::Duration;

use crate::time::Timestamp;

/// The length of a span; attempts are counted per span.
const HOUR: Duration = Duration::from_hours(1);

/// How many clock hours a window of 24 hours can overlap: the current one, 23 whole ones, and a part of the oldest.
const SPANS: usize = 25;

/// The number of attempts counted in each clock hour of the last 24 hours, in order: the hour of the latest attempt first,
/// the oldest last.
///
/// A window of 24 hours overlaps at most 25 clock hours. Bounding the sum of these 25 bounds every window of 24 hours,
/// whenever it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecentAttempts([u32; SPANS]);

impl RecentAttempts {
    /// The length of the encoding of [`to_bytes`](Self::to_bytes).
    pub const BYTES: usize = SPANS * 4;

    /// No attempts.
    pub const NONE: Self = Self([0; SPANS]);

    /// `count` attempts in the hour of the latest one, and none before.
    pub const fn at_once(count: u32) -> Self {
        let mut spans = [0; SPANS];
        spans[0] = count;
        Self(spans)
    }

    /// The sum over all spans, saturating.
    pub fn total(&self) -> u32 {
        self.0.iter().fold(0, |sum, count| count.saturating_add(sum))
    }

    /// The stored encoding: each count as a big-endian `u32`, the latest hour first.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for (place, count) in bytes.chunks_exact_mut(4).zip(self.0) {
            place.copy_from_slice(&count.to_be_bytes());
        }
        bytes
    }

    /// Decodes [`to_bytes`](Self::to_bytes).
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let mut spans = [0; SPANS];
        let counts = bytes.as_chunks::<4>().0;
        for (count, bytes) in spans.iter_mut().zip(counts) {
            *count = u32::from_be_bytes(*bytes);
        }
        Self(spans)
    }

    /// The counts relative to `now`, when the latest attempt was at `last`: attempts older than the window are dropped, and
    /// attempts in the future (a clock was set back) count as made now.
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

    /// Adds one attempt in the hour of the latest one.
    pub(super) const fn and_one(mut self) -> Self {
        self.0[0] = self.0[0].saturating_add(1);
        self
    }

    /// Removes one attempt that was counted at `counted`, when the latest was at `last`.
    pub(super) fn without_one(mut self, last: Timestamp, counted: Timestamp) -> Self {
        let age = hour(last).saturating_sub(hour(counted));
        if let Some(span) = self.0.get_mut(usize::try_from(age).unwrap_or(0)) {
            *span = span.saturating_sub(1);
        }
        self
    }

    /// How long from `now` until fewer than `bound` attempts are left in the window, if none is added and the counts are
    /// relative to `now`. Zero if that is so already; at most 25 hours for a bound of at least 1.
    pub(super) fn wait_for_fewer_than(&self, bound: u32, now: Timestamp) -> Duration {
        let mut left = self.total();
        // The oldest hour leaves the window first.
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

/// The number of the clock hour that contains the instant, counted from the Unix epoch.
const fn hour(instant: Timestamp) -> i64 {
    instant.as_unix_seconds().div_euclid(3600)
}

const fn beginning_of_hour(instant: Timestamp) -> Timestamp {
    Timestamp::from_unix_seconds(hour(instant).saturating_mul(3600))
}
