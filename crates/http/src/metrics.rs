//! What the operator's monitoring reads. No label comes from a client: methods, routes and statuses are of this server's
//! own making.

use std::time::Duration;

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
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
    lanes: Lanes,
    connections: ConnectionMetrics,
    forwarding_ignored: IntCounter,
    throttle_keys: IntGaugeVec,
    throttle_refused: IntCounterVec,
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
        let unrecorded = IntGauge::new(
            "doorward_throttle_refused_unrecorded",
            "Requests that the throttle turned away and that the audit log does not tell of yet.",
        )?;
        registry.register(Box::new(unrecorded.clone()))?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(latency.clone()))?;
        registry.register(Box::new(forwarding_ignored.clone()))?;
        registry.register(Box::new(throttle_keys.clone()))?;
        registry.register(Box::new(throttle_refused.clone()))?;
        Ok(Self {
            requests,
            latency,
            lanes: Lanes::new(&registry)?,
            connections: ConnectionMetrics::new(&registry)?,
            forwarding_ignored,
            throttle_keys,
            throttle_refused,
            unrecorded,
            registry,
        })
    }

    /// What the lane of this name tells.
    pub(crate) fn lane(&self, name: &'static str) -> LaneMetrics {
        let lanes = &self.lanes;
        let refused = |why: Refusal| lanes.refused.with_label_values(&[name, why.as_str()]);
        LaneMetrics {
            waiting: lanes.waiting.with_label_values(&[name]),
            running: lanes.running.with_label_values(&[name]),
            wait: lanes.wait.with_label_values(&[name]),
            full: refused(Refusal::Full),
            displaced: refused(Refusal::Displaced),
            waited: refused(Refusal::Waited),
            stuck: refused(Refusal::Stuck),
        }
    }

    /// What the connections tell.
    pub(crate) fn connections(&self) -> ConnectionMetrics {
        self.connections.clone()
    }

    /// Counts forwarding headers that are ignored.
    pub(crate) fn forwarding_ignored(&self) -> IntCounter {
        self.forwarding_ignored.clone()
    }

    /// What the throttle of the class of this name tells: how many clients it remembers, and how often it refused.
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

    /// How many refusals of the throttle are not in the audit log yet, for whoever keeps count of them.
    pub(crate) fn unrecorded(&self) -> IntGauge {
        self.unrecorded.clone()
    }

    /// Writes everything down in the Prometheus text format.
    pub(crate) fn render(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// What all lanes tell, by their names.
struct Lanes {
    waiting: IntGaugeVec,
    running: IntGaugeVec,
    wait: HistogramVec,
    refused: IntCounterVec,
}

impl Lanes {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
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
}

/// What the connections of the public listener tell.
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

/// What one lane tells.
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
