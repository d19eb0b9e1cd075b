//! Proxy checks show an operator how the server observes requests that come through a proxy.
//!
//! The operator creates a check on the management listener, sends a request with its name in a header through the proxy,
//! and reads from the management listener how that request was observed. The public listener only matches names that exist,
//! and its response is the same with and without a match, so clients can neither learn nor store anything.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::header::{self, HeaderMap, HeaderName};
use doorward_domain::entropy::Entropy;
use doorward_domain::id::EventId;
use doorward_domain::time::Timestamp;

use crate::request::ClientAddresses;

/// The header that carries the name of a proxy check.
pub const PROXY_CHECK_HEADER: HeaderName = HeaderName::from_static("x-doorward-probe");

/// How long a check is kept.
const LIFE: Duration = Duration::from_secs(120);

/// How many checks are kept; a new one replaces the oldest.
const MAX_CHECKS: usize = 16;

/// A request as the server received it.
#[derive(Debug, Clone)]
pub struct ObservedRequest {
    /// The peer of the connection.
    pub peer: SocketAddr,
    /// Whether the peer is in `server.trusted_proxies`.
    pub trusted: bool,
    /// The configured forwarding header.
    pub header: &'static str,
    /// The lines of `X-Forwarded-For`.
    pub x_forwarded_for: Vec<String>,
    /// The lines of `Forwarded`.
    pub forwarded: Vec<String>,
    /// The client address that was derived.
    pub client: IpAddr,
    /// Whether `client` is in `server.trusted_proxies`.
    pub client_trusted: bool,
}

/// A proxy check and its result.
#[derive(Debug, Clone)]
pub struct ProxyCheck {
    name: String,
    created_at: Timestamp,
    /// The last request with the name of this check.
    pub observed: Option<ObservedRequest>,
}

/// The current checks.
#[derive(Default)]
pub(crate) struct ProxyChecks(Mutex<VecDeque<ProxyCheck>>);

impl ProxyChecks {
    /// Creates a check and returns its name.
    pub(crate) fn create(&self, now: Timestamp, entropy: &dyn Entropy) -> String {
        let name = EventId::generate(now, entropy).to_string();
        let mut checks = self.current(now);
        if checks.len() >= MAX_CHECKS {
            checks.pop_front();
        }
        checks.push_back(ProxyCheck {
            name: name.clone(),
            created_at: now,
            observed: None,
        });
        name
    }

    /// Stores how a request was observed, if its header has the name of a check.
    pub(crate) fn observe(
        &self,
        now: impl FnOnce() -> Timestamp,
        peer: Option<SocketAddr>,
        headers: &HeaderMap,
        addresses: &ClientAddresses,
    ) {
        let (Some(name), Some(peer)) = (headers.get(&PROXY_CHECK_HEADER), peer) else {
            return;
        };
        let mut checks = self.current(now());
        let check = checks
            .iter_mut()
            .find(|check| check.name.as_bytes() == name.as_bytes());
        if let Some(check) = check {
            let address = peer.ip().to_canonical();
            let client = addresses.find(address, headers);
            check.observed = Some(ObservedRequest {
                peer: SocketAddr::new(address, peer.port()),
                trusted: addresses.is_trusted(address),
                header: addresses.header_name(),
                x_forwarded_for: lines(headers, &header::X_FORWARDED_FOR),
                forwarded: lines(headers, &header::FORWARDED),
                client,
                client_trusted: addresses.is_trusted(client),
            });
        }
    }

    /// Returns the check of this name; `None` if it does not exist or has expired.
    pub(crate) fn find(&self, now: Timestamp, name: &str) -> Option<ProxyCheck> {
        let checks = self.current(now);
        checks.iter().find(|check| check.name == name).cloned()
    }

    /// Removes expired checks and returns the rest. Nothing panics while the lock is held.
    fn current(&self, now: Timestamp) -> MutexGuard<'_, VecDeque<ProxyCheck>> {
        let mut checks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        checks.retain(|check| now.since(check.created_at) < LIFE);
        checks
    }
}

fn lines(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    headers
        .get_all(name)
        .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
        .collect()
}
