//! Probes: requests by which an operator finds out how the server sees requests that come through a proxy.
//!
//! The operator asks the management listener for a probe, sends a request with its name in a header on the way that
//! clients take, and asks the management listener how that request was seen. The public listener only takes note of names
//! that were handed out, and answers as if there were none: nobody learns or stores anything through it.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::header::{self, HeaderMap, HeaderName};
use doorward_domain::entropy::Entropy;
use doorward_domain::id::EventId;
use doorward_domain::time::Timestamp;
use serde::Serialize;

use crate::client_address::ClientAddresses;

/// The header that carries the name of a probe.
pub(crate) const PROBE_HEADER: HeaderName = HeaderName::from_static("x-doorward-probe");

/// How long a probe is remembered.
const LIFE: Duration = Duration::from_secs(120);

/// How many probes are remembered; the oldest makes way.
const MOST: usize = 16;

/// How a request was seen.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sighting {
    /// The peer of the connection.
    peer: SocketAddr,
    /// Whether the peer is in `server.trusted_proxies`.
    trusted: bool,
    /// The header that is believed of trusted proxies.
    header: &'static str,
    /// The lines of `X-Forwarded-For`.
    x_forwarded_for: Vec<String>,
    /// The lines of `Forwarded`.
    forwarded: Vec<String>,
    /// The address that the request counts under.
    client: IpAddr,
    /// Whether that address is a trusted proxy's as well.
    client_trusted: bool,
}

/// What became of a probe.
#[derive(Debug, Serialize)]
pub(crate) struct Found {
    /// How it was last seen; `null` if it was not.
    seen: Option<Sighting>,
}

struct Probe {
    name: String,
    made_at: Timestamp,
    seen: Option<Sighting>,
}

/// The probes that are remembered.
#[derive(Default)]
pub(crate) struct Probes(Mutex<VecDeque<Probe>>);

impl Probes {
    /// Makes a probe and answers its name.
    pub(crate) fn make(&self, now: Timestamp, entropy: &dyn Entropy) -> String {
        let name = EventId::generate(now, entropy).to_string();
        let mut probes = self.current(now);
        if probes.len() >= MOST {
            probes.pop_front();
        }
        probes.push_back(Probe {
            name: name.clone(),
            made_at: now,
            seen: None,
        });
        name
    }

    /// Takes note of a request, if it carries the name of a probe.
    pub(crate) fn note(
        &self,
        now: impl FnOnce() -> Timestamp,
        peer: Option<SocketAddr>,
        headers: &HeaderMap,
        addresses: &ClientAddresses,
    ) {
        let (Some(name), Some(peer)) = (headers.get(&PROBE_HEADER), peer) else {
            return;
        };
        let mut probes = self.current(now());
        let probe = probes
            .iter_mut()
            .find(|probe| probe.name.as_bytes() == name.as_bytes());
        if let Some(probe) = probe {
            let address = peer.ip().to_canonical();
            let client = addresses.find(address, headers);
            probe.seen = Some(Sighting {
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

    /// What became of the probe of this name; `None` if there is no such probe.
    pub(crate) fn find(&self, now: Timestamp, name: &str) -> Option<Found> {
        let probes = self.current(now);
        let probe = probes.iter().find(|probe| probe.name == name)?;
        Some(Found {
            seen: probe.seen.clone(),
        })
    }

    /// The probes, without those that are too old. Nothing panics while the lock is held.
    fn current(&self, now: Timestamp) -> MutexGuard<'_, VecDeque<Probe>> {
        let mut probes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        probes.retain(|probe| now.since(probe.made_at) < LIFE);
        probes
    }
}

/// The lines of a header, as text.
fn lines(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    headers
        .get_all(name)
        .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
        .collect()
}
