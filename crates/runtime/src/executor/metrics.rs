//! Metrics of the lanes.

use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// The bounds of latency histograms, in seconds: from what is answered from memory to what hashes and waits.
pub const LATENCY_BUCKETS: &[f64] = &[
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// The metrics of all lanes, by their names.
pub(crate) struct LanesMetrics {
    waiting: IntGaugeVec,
    running: IntGaugeVec,
    wait: HistogramVec,
    refused: IntCounterVec,
}

impl LanesMetrics {
    /// Makes and registers the metrics.
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| IntGaugeVec::new(Opts::new(name, help), &["lane"]);
        let waiting = gauge("doorward_lane_waiting", "Jobs that wait for a lane.")?;
        let running = gauge("doorward_lane_running", "Jobs that run on a lane.")?;
        let wait = HistogramVec::new(
            HistogramOpts::new(
                "doorward_lane_wait_seconds",
                "How long jobs waited before they ran.",
            )
            .buckets(LATENCY_BUCKETS.to_vec()),
            &["lane"],
        )?;
        let refused = IntCounterVec::new(
            Opts::new(
                "doorward_lane_refused_total",
                "Jobs whose callers were turned away.",
            ),
            &["lane", "reason"],
        )?;
        registry.register(Box::new(waiting.clone()))?;
        registry.register(Box::new(running.clone()))?;
        registry.register(Box::new(wait.clone()))?;
        registry.register(Box::new(refused.clone()))?;
        Ok(Self {
            waiting,
            running,
            wait,
            refused,
        })
    }

    /// The metrics of the lane of this name.
    pub(crate) fn lane(&self, name: &'static str) -> LaneMetrics {
        let refused = |why: Refusal| self.refused.with_label_values(&[name, why.as_str()]);
        LaneMetrics {
            waiting: self.waiting.with_label_values(&[name]),
            running: self.running.with_label_values(&[name]),
            wait: self.wait.with_label_values(&[name]),
            full: refused(Refusal::Full),
            displaced: refused(Refusal::Displaced),
            waited: refused(Refusal::Waited),
            stuck: refused(Refusal::Stuck),
        }
    }
}

/// Why a lane turned somebody away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The queue was full.
    Full,
    /// The queue was full, and a job of a client that waited for less took the place.
    Displaced,
    /// The job waited as long as a job may.
    Waited,
    /// The job runs for longer than its caller can wait.
    Stuck,
}

impl Refusal {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Displaced => "displaced",
            Self::Waited => "waited",
            Self::Stuck => "stuck",
        }
    }
}

/// The metrics of one lane.
pub(crate) struct LaneMetrics {
    waiting: IntGauge,
    running: IntGauge,
    wait: Histogram,
    full: IntCounter,
    displaced: IntCounter,
    waited: IntCounter,
    stuck: IntCounter,
}

impl LaneMetrics {
    /// So many jobs wait now.
    pub(crate) fn waiting(&self, jobs: usize) {
        self.waiting.set(i64::try_from(jobs).unwrap_or(i64::MAX));
    }

    /// A job that has waited so long begins to run; it ends with what is returned.
    pub(crate) fn run(&self, waited: Duration) -> Running<'_> {
        self.wait.observe(waited.as_secs_f64());
        self.running.inc();
        Running(&self.running)
    }

    /// A caller is turned away.
    pub(crate) fn refused(&self, why: Refusal) {
        self.counter(why).inc();
    }

    const fn counter(&self, why: Refusal) -> &IntCounter {
        match why {
            Refusal::Full => &self.full,
            Refusal::Displaced => &self.displaced,
            Refusal::Waited => &self.waited,
            Refusal::Stuck => &self.stuck,
        }
    }

    /// How many callers were turned away for this.
    #[cfg(test)]
    pub(crate) fn refusals(&self, why: Refusal) -> u64 {
        self.counter(why).get()
    }
}

/// A job that runs.
pub(crate) struct Running<'a>(&'a IntGauge);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
