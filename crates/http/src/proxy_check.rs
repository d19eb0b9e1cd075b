//! Proxy checks: requests by which an operator finds out how the server sees requests that come through a proxy.
//!
//! The operator asks the management listener for a check, sends a request with its name in a header on the way that
//! clients take, and asks the management listener how that request was observed. The public listener only looks for names
//! that were handed out, and answers as if there were none: nobody learns or stores anything through it.

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

/// How long a check is remembered.
const LIFE: Duration = Duration::from_secs(120);

/// How many checks are remembered; the oldest makes way.
const MOST: usize = 16;

/// A request as the server has seen it.
#[derive(Debug, Clone)]
pub struct ObservedRequest {
    /// The peer of the connection.
    pub peer: SocketAddr,
    /// Whether the peer is in `server.trusted_proxies`.
    pub trusted: bool,
    /// The header in which trusted proxies name the client.
    pub header: &'static str,
    /// The lines of `X-Forwarded-For`.
    pub x_forwarded_for: Vec<String>,
    /// The lines of `Forwarded`.
    pub forwarded: Vec<String>,
    /// The address that the request counts under.
    pub client: IpAddr,
    /// Whether that address is a trusted proxy's as well.
    pub client_trusted: bool,
}

/// A request that an operator is to send, and how it was observed.
#[derive(Debug, Clone)]
pub struct ProxyCheck {
    name: String,
    created_at: Timestamp,
    /// How it was last observed, if it was.
    pub observed: Option<ObservedRequest>,
}

/// The checks that are remembered.
#[derive(Default)]
pub(crate) struct ProxyChecks(Mutex<VecDeque<ProxyCheck>>);

impl ProxyChecks {
    /// Creates a check and returns its name.
    pub(crate) fn create(&self, now: Timestamp, entropy: &dyn Entropy) -> String {
        let name = EventId::generate(now, entropy).to_string();
        let mut checks = self.current(now);
        if checks.len() >= MOST {
            checks.pop_front();
        }
        checks.push_back(ProxyCheck {
            name: name.clone(),
            created_at: now,
            observed: None,
        });
        name
    }

    /// Remembers a request, if it carries the name of a check.
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

    /// The check of this name; `None` if there is none, or none any more.
    pub(crate) fn find(&self, now: Timestamp, name: &str) -> Option<ProxyCheck> {
        let checks = self.current(now);
        checks.iter().find(|check| check.name == name).cloned()
    }

    /// The checks, without those that are too old. Nothing panics while the lock is held.
    fn current(&self, now: Timestamp) -> MutexGuard<'_, VecDeque<ProxyCheck>> {
        let mut checks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        checks.retain(|check| now.since(check.created_at) < LIFE);
        checks
    }
}

/// The lines of a header, as text.
fn lines(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    headers
        .get_all(name)
        .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
        .collect()
}
