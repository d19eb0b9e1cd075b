//! Medians, quantiles and spreads.

use serde::Serialize;

/// The median, the lowest and the highest of several runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Summary {
    /// Summarises runs; without runs everything is zero.
    pub(crate) fn of(runs: &[f64]) -> Self {
        let mut sorted = runs.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        let median = if sorted.len().is_multiple_of(2) && middle > 0 {
            f64::midpoint(at(middle - 1), at(middle))
        } else {
            at(middle)
        };
        Self {
            median,
            low: at(0),
            high: sorted.last().copied().unwrap_or_default(),
        }
    }

    /// The range of the runs as a share of their median; `None` if it is zero.
    pub(crate) fn spread(&self) -> Option<f64> {
        (self.high > self.low).then(|| (self.high - self.low) / self.median)
    }
}

/// Quantiles of response times, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Latency {
    /// Computes the quantiles of durations in nanoseconds. Sorts them.
    pub(crate) fn of(nanos: &mut [u64]) -> Self {
        nanos.sort_unstable();
        Self {
            p50: micros(quantile(nanos, 50, 100)),
            p99: micros(quantile(nanos, 99, 100)),
            p999: micros(quantile(nanos, 999, 1000)),
            max: micros(nanos.last().copied().unwrap_or_default()),
        }
    }
}

/// The quantile `part / whole` by nearest rank; zero without values.
fn quantile(sorted: &[u64], part: usize, whole: usize) -> u64 {
    let rank = (sorted.len() * part).div_ceil(whole);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "durations are far below 2^52 ns, which is 52 days"
)]
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}

/// Converts a count for calculations.
#[expect(clippy::cast_precision_loss, reason = "nothing counted here comes near 2^52")]
pub(crate) const fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these come out exactly")]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let odd = Summary::of(&[3.0, 1.0, 2.0]);
        assert_eq!((odd.low, odd.median, odd.high), (1.0, 2.0, 3.0));
        let even = Summary::of(&[4.0, 1.0, 3.0, 2.0]);
        assert_eq!((even.low, even.median, even.high), (1.0, 2.5, 4.0));
        assert_eq!(Summary::of(&[7.0]).median, 7.0);
        assert_eq!(Summary::of(&[]).median, 0.0);
    }

    #[test]
    fn the_spread_is_a_share_of_the_median() {
        assert_eq!(Summary::of(&[90.0, 100.0, 120.0]).spread(), Some(0.3));
        assert_eq!(Summary::of(&[1.0]).spread(), None);
    }

    #[test]
    fn quantiles_are_observed_values() {
        let mut nanos: Vec<u64> = (1..=1000).rev().map(|n| n * 1000).collect();
        let latency = Latency::of(&mut nanos);
        assert_eq!(
            (latency.p50, latency.p99, latency.p999, latency.max),
            (500.0, 990.0, 999.0, 1000.0)
        );
        let few = Latency::of(&mut [2000, 1000]);
        assert_eq!((few.p50, few.p99), (1.0, 2.0));
        assert_eq!(Latency::of(&mut []).p99, 0.0);
    }
}
