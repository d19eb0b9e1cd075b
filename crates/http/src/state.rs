//! State that middleware and the operational routes share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use doorward_runtime::Application;

use crate::error::{Rejection, RejectionKind};
use crate::metrics::Metrics;
use crate::proxy_check::{ProxyCheck, ProxyChecks};
use crate::request::{ClientAddresses, ProxySettings, RequestIds};

/// The state of a server, shared by all workers of both listeners.
pub struct ServerState {
    pub(crate) application: Arc<Application>,
    pub(crate) metrics: Metrics,
    pub(crate) addresses: ClientAddresses,
    pub(crate) proxy_checks: ProxyChecks,
    pub(crate) request_ids: RequestIds,
    draining: AtomicBool,
}

impl ServerState {
    pub(crate) fn new(application: Arc<Application>, metrics: Metrics, proxies: ProxySettings) -> Self {
        let addresses = ClientAddresses::new(proxies, metrics.forwarding_ignored());
        Self {
            application,
            metrics,
            addresses,
            proxy_checks: ProxyChecks::default(),
            request_ids: RequestIds::default(),
            draining: AtomicBool::new(false),
        }
    }

    /// Whether the server is shutting down. Readiness is false from then on.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Makes readiness false.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Returns all metrics in the Prometheus text format.
    pub fn render_metrics(&self) -> Result<String, Rejection> {
        self.metrics
            .render()
            .map_err(|error| Rejection::new(RejectionKind::Internal).cause(&error))
    }

    /// Creates a proxy check and returns its name, for the header [`PROXY_CHECK_HEADER`](crate::PROXY_CHECK_HEADER) of a
    /// request.
    pub fn create_proxy_check(&self) -> String {
        self.proxy_checks
            .create(self.application.now(), self.application.entropy())
    }

    /// Returns the proxy check of this name; `None` if it does not exist or has expired.
    pub fn proxy_check(&self, name: &str) -> Option<ProxyCheck> {
        self.proxy_checks.find(self.application.now(), name)
    }
}
