//! What the operator's monitoring reads. No label comes from a client: methods, routes and statuses are of this server's
//! own making.

use std::time::Duration;

use doorward_runtime::executor::LATENCY_BUCKETS;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// The metrics of one server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    latency: HistogramVec,
    connections: ConnectionMetrics,
    forwarding_ignored: IntCounter,
    throttle_keys: IntGaugeVec,
    throttle_refused: IntCounterVec,
}

impl Metrics {
    /// Makes the metrics and registers them beside those that are in `registry` already.
    pub(crate) fn new(registry: Registry) -> Result<Self, prometheus::Error> {
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
        let forwarding_ignored = IntCounter::new(
            "doorward_forwarding_ignored_total",
            "Requests with a forwarding header from a peer that is not trusted.",
        )?;
        let throttle_keys = IntGaugeVec::new(
            Opts::new(
                "doorward_throttle_keys",
                "Clients that the throttle remembers, at most, as of its last housekeeping.",
            ),
            &["class"],
        )?;
        let throttle_refused = IntCounterVec::new(
            Opts::new("doorward_throttle_refused_total", "Requests over the allowance."),
            &["class"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(latency.clone()))?;
        registry.register(Box::new(forwarding_ignored.clone()))?;
        registry.register(Box::new(throttle_keys.clone()))?;
        registry.register(Box::new(throttle_refused.clone()))?;
        Ok(Self {
            requests,
            latency,
            connections: ConnectionMetrics::new(&registry)?,
            forwarding_ignored,
            throttle_keys,
            throttle_refused,
            registry,
        })
    }

    /// The metrics of the connections.
    pub(crate) fn connections(&self) -> ConnectionMetrics {
        self.connections.clone()
    }

    /// Counts forwarding headers that are ignored.
    pub(crate) fn forwarding_ignored(&self) -> IntCounter {
        self.forwarding_ignored.clone()
    }

    /// The metrics of the throttle of a class: how many clients it remembers, and how often it refused.
    pub(crate) fn throttle(&self, class: &'static str) -> (IntGauge, IntCounter) {
        let keys = self.throttle_keys.with_label_values(&[class]);
        (keys, self.throttle_refused.with_label_values(&[class]))
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

    /// Writes everything down in the Prometheus text format.
    pub(crate) fn render(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// The metrics of the connections of the public listener.
#[derive(Clone)]
pub(crate) struct ConnectionMetrics {
    open: IntGauge,
    refused: IntCounter,
    overdue: IntCounter,
}

impl ConnectionMetrics {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let open = IntGauge::new("doorward_connections", "Connections of clients.")?;
        let refused = IntCounter::new(
            "doorward_connections_refused_total",
            "Connections closed at once: their client had too many.",
        )?;
        let overdue = IntCounter::new(
            "doorward_connections_overdue_total",
            "Connections closed because a later request came too slowly, or an answer was not read for too long.",
        )?;
        registry.register(Box::new(open.clone()))?;
        registry.register(Box::new(overdue.clone()))?;
        registry.register(Box::new(refused.clone()))?;
        Ok(Self {
            open,
            refused,
            overdue,
        })
    }

    /// So many are open now.
    pub(crate) fn open(&self, connections: usize) {
        self.open.set(i64::try_from(connections).unwrap_or(i64::MAX));
    }

    /// One was closed at once.
    pub(crate) fn refused(&self) {
        self.refused.inc();
    }

    /// One was closed because it held on for too long.
    pub(crate) fn overdue(&self) {
        self.overdue.inc();
    }
}
