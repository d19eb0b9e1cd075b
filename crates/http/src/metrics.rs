//! Metrics of requests, connections and the throttle. No label value comes from a client: methods, routes and statuses are
//! from fixed sets.

use std::time::Duration;

use doorward_runtime::executor::LATENCY_BUCKETS;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// The metrics of a server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    latency: HistogramVec,
    public: ConnectionMetrics,
    management: ConnectionMetrics,
    forwarding_ignored: IntCounter,
    throttle_keys: IntGaugeVec,
    throttle_refused: IntCounterVec,
}

impl Metrics {
    /// Creates the metrics and registers them in `registry`, which may contain others.
    pub(crate) fn new(registry: Registry) -> Result<Self, prometheus::Error> {
        let requests = IntCounterVec::new(
            Opts::new("doorward_http_requests_total", "HTTP requests processed."),
            &["method", "route", "status"],
        )?;
        let latency = HistogramVec::new(
            HistogramOpts::new(
                "doorward_http_request_duration_seconds",
                "Time from the head of a request to its response.",
            )
            .buckets(LATENCY_BUCKETS.to_vec()),
            &["method", "route"],
        )?;
        let forwarding_ignored = IntCounter::new(
            "doorward_forwarding_ignored_total",
            "Requests with a forwarding header from an untrusted peer; the header was ignored.",
        )?;
        let throttle_keys = IntGaugeVec::new(
            Opts::new(
                "doorward_throttle_keys",
                "Clients that the throttle tracks, as of the last eviction.",
            ),
            &["class"],
        )?;
        let throttle_refused = IntCounterVec::new(
            Opts::new(
                "doorward_throttle_refused_total",
                "Requests rejected because the client exceeded its rate limit.",
            ),
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
            public: ConnectionMetrics::new(&registry, "doorward_connections", "public")?,
            management: ConnectionMetrics::new(&registry, "doorward_management_connections", "management")?,
            forwarding_ignored,
            throttle_keys,
            throttle_refused,
            registry,
        })
    }

    /// The metrics of the connections of the public listener.
    pub(crate) fn public_connections(&self) -> ConnectionMetrics {
        self.public.clone()
    }

    /// The metrics of the connections of the management listener.
    pub(crate) fn management_connections(&self) -> ConnectionMetrics {
        self.management.clone()
    }

    /// The counter of ignored forwarding headers.
    pub(crate) fn forwarding_ignored(&self) -> IntCounter {
        self.forwarding_ignored.clone()
    }

    /// The metrics of a throttle class: clients tracked, requests rejected.
    pub(crate) fn throttle(&self, class: &'static str) -> (IntGauge, IntCounter) {
        let keys = self.throttle_keys.with_label_values(&[class]);
        (keys, self.throttle_refused.with_label_values(&[class]))
    }

    /// Records a response.
    pub(crate) fn record_response(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.requests
            .with_label_values(&[method, route, &status.to_string()])
            .inc();
        self.latency
            .with_label_values(&[method, route])
            .observe(took.as_secs_f64());
    }

    /// Renders every metric of the registry in the Prometheus text format.
    pub(crate) fn render(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// Metrics of the connections of a listener.
#[derive(Clone)]
pub(crate) struct ConnectionMetrics {
    open: IntGauge,
    refused: IntCounter,
    overdue: IntCounter,
    evicted: IntCounter,
}

impl ConnectionMetrics {
    /// Metrics whose names start with `prefix`.
    fn new(registry: &Registry, prefix: &str, listener: &str) -> Result<Self, prometheus::Error> {
        let open = IntGauge::new(prefix, format!("Open connections of the {listener} listener."))?;
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(format!("{prefix}_{name}_total"), help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        registry.register(Box::new(open.clone()))?;
        Ok(Self {
            open,
            refused: counter(
                "refused",
                "Connections closed on accept because the client had too many.",
            )?,
            overdue: counter(
                "overdue",
                "Connections closed because a request was sent, or a response read, too slowly.",
            )?,
            evicted: counter(
                "evicted",
                "Idle connections closed because almost as many were open as there may be.",
            )?,
        })
    }

    /// Sets the number of open connections.
    pub(crate) fn open(&self, connections: usize) {
        self.open.set(i64::try_from(connections).unwrap_or(i64::MAX));
    }

    /// Counts a connection that was closed on accept.
    pub(crate) fn refused(&self) {
        self.refused.inc();
    }

    /// Counts a connection that was closed because it was idle for too long.
    pub(crate) fn overdue(&self) {
        self.overdue.inc();
    }

    /// Counts an idle connection that was closed to make room.
    pub(crate) fn evicted(&self) {
        self.evicted.inc();
    }
}
