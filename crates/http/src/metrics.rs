//! What the operator's monitoring reads. No label comes from a client: methods, routes and statuses are of this server's
//! own making.

use std::time::Duration;

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

/// The bounds of the latency histogram, in seconds: from what is answered from memory to what hashes and waits.
const LATENCY_BUCKETS: &[f64] = &[
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// The metrics of one server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    latency: HistogramVec,
    lane_waiting: IntGaugeVec,
    refused: IntCounterVec,
    unrecorded: IntGauge,
}

impl Metrics {
    /// Makes and registers the metrics.
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let requests = IntCounterVec::new(
            Opts::new("doorward_http_requests_total", "Requests answered."),
            &["method", "route", "status"],
        )?;
        let latency = HistogramVec::new(
            HistogramOpts::new(
                "doorward_http_request_duration_seconds",
                "From the head of a request to its answer.",
            )
            .buckets(LATENCY_BUCKETS.to_vec()),
            &["method", "route"],
        )?;
        let lane_waiting = IntGaugeVec::new(
            Opts::new("doorward_lane_waiting", "Jobs that wait for a lane."),
            &["lane"],
        )?;
        let refused = IntCounterVec::new(
            Opts::new(
                "doorward_throttle_refused_total",
                "Requests that the throttle turned away.",
            ),
            &["class"],
        )?;
        let unrecorded = IntGauge::new(
            "doorward_throttle_refused_unrecorded",
            "Requests that the throttle turned away and that the audit log does not tell of yet.",
        )?;
        registry.register(Box::new(refused.clone()))?;
        registry.register(Box::new(unrecorded.clone()))?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(latency.clone()))?;
        registry.register(Box::new(lane_waiting.clone()))?;
        Ok(Self {
            registry,
            requests,
            latency,
            lane_waiting,
            refused,
            unrecorded,
        })
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.requests
            .with_label_values(&[method, route, &status.to_string()])
            .inc();
        self.latency
            .with_label_values(&[method, route])
            .observe(took.as_secs_f64());
    }

    /// Counts a request that the throttle turned away.
    pub(crate) fn refused(&self, class: &str) {
        self.refused.with_label_values(&[class]).inc();
    }

    /// How many refusals of the throttle are not in the audit log yet, for whoever keeps count of them.
    pub(crate) fn unrecorded(&self) -> IntGauge {
        self.unrecorded.clone()
    }

    /// Writes everything down in the Prometheus text format.
    pub(crate) fn render(&self, lanes: &[(&str, usize)]) -> Result<String, prometheus::Error> {
        for (lane, waiting) in lanes {
            self.lane_waiting
                .with_label_values(&[lane])
                .set(i64::try_from(*waiting).unwrap_or(i64::MAX));
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
