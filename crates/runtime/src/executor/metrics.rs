//! Metrics of the lanes. The label `lane` is the lane's name.

use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// The buckets of latency histograms, in seconds: from responses from memory to password hashing with a queue.
pub const LATENCY_BUCKETS: &[f64] = &[
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// The metrics of all lanes.
pub(crate) struct LanesMetrics {
    waiting: IntGaugeVec,
    running: IntGaugeVec,
    wait: HistogramVec,
    refused: IntCounterVec,
}

impl LanesMetrics {
    /// Creates the metrics and registers them in `registry`.
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| IntGaugeVec::new(Opts::new(name, help), &["lane"]);
        let waiting = gauge("doorward_lane_waiting", "Requests in the queue of the lane.")?;
        let running = gauge("doorward_lane_running", "Requests running on the lane.")?;
        let wait = HistogramVec::new(
            HistogramOpts::new(
                "doorward_lane_wait_seconds",
                "Time requests waited in the queue of the lane before they ran.",
            )
            .buckets(LATENCY_BUCKETS.to_vec()),
            &["lane"],
        )?;
        let refused = IntCounterVec::new(
            Opts::new(
                "doorward_lane_refused_total",
                "Requests that the lane rejected or abandoned, by reason.",
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

    /// The metrics of the lane `name`.
    pub(crate) fn lane(&self, name: &'static str) -> LaneMetrics {
        let refused = |reason: RejectReason| self.refused.with_label_values(&[name, reason.as_str()]);
        LaneMetrics {
            waiting: self.waiting.with_label_values(&[name]),
            running: self.running.with_label_values(&[name]),
            wait: self.wait.with_label_values(&[name]),
            full: refused(RejectReason::Full),
            displaced: refused(RejectReason::Displaced),
            waited: refused(RejectReason::Waited),
            stuck: refused(RejectReason::Stuck),
        }
    }
}

/// Why a lane returned an error instead of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RejectReason {
    /// The queue was full.
    Full,
    /// The queue was full, and a job of a client with fewer queued jobs replaced this one.
    Displaced,
    /// The job waited in the queue until the deadline.
    Waited,
    /// The job ran longer than the limit.
    Stuck,
}

impl RejectReason {
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
    /// Sets the number of queued jobs.
    pub(crate) fn waiting(&self, jobs: usize) {
        self.waiting.set(i64::try_from(jobs).unwrap_or(i64::MAX));
    }

    /// Records that a job starts after it `waited`. It counts as running until the returned value is dropped.
    pub(crate) fn run(&self, waited: Duration) -> Running<'_> {
        self.wait.observe(waited.as_secs_f64());
        self.running.inc();
        Running(&self.running)
    }

    /// Counts a rejected job.
    pub(crate) fn reject(&self, reason: RejectReason) {
        self.counter(reason).inc();
    }

    const fn counter(&self, reason: RejectReason) -> &IntCounter {
        match reason {
            RejectReason::Full => &self.full,
            RejectReason::Displaced => &self.displaced,
            RejectReason::Waited => &self.waited,
            RejectReason::Stuck => &self.stuck,
        }
    }

    #[cfg(test)]
    pub(crate) fn rejected(&self, reason: RejectReason) -> u64 {
        self.counter(reason).get()
    }
}

/// Counts a running job until it is dropped.
pub(crate) struct Running<'a>(&'a IntGauge);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
