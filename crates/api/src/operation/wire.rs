//! Bodies of the operational routes.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use doorward_http::{ObservedRequest, ProxyCheck};
use serde::Serialize;
use utoipa::ToSchema;

/// The health of the server.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthBody {
    /// `ok` if every check is `ok`, otherwise the state of a failed check.
    pub(crate) status: State,
    /// The state of each check.
    pub(crate) checks: BTreeMap<&'static str, State>,
}

/// The state of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = HealthState)]
pub(crate) enum State {
    /// Available.
    Ok,
    /// Not available.
    Unavailable,
    /// The server is shutting down.
    Draining,
}

/// A proxy check that was created.
#[derive(Serialize)]
pub(crate) struct CreatedProxyCheck {
    /// The header to send.
    pub(crate) header: String,
    /// The value of that header.
    pub(crate) probe: String,
}

/// The result of a proxy check.
#[derive(Serialize)]
pub(crate) struct ProxyCheckBody {
    /// The last request observed with that header; `null` if there was none.
    seen: Option<ObservedRequestBody>,
}

/// A request as the server received it.
#[derive(Serialize)]
struct ObservedRequestBody {
    /// The peer of the connection.
    peer: SocketAddr,
    /// Whether the peer is in `server.trusted_proxies`.
    trusted: bool,
    /// The configured forwarding header (`server.forwarded_header`).
    header: &'static str,
    /// The lines of `X-Forwarded-For`.
    x_forwarded_for: Vec<String>,
    /// The lines of `Forwarded`.
    forwarded: Vec<String>,
    /// The client address that was derived.
    client: IpAddr,
    /// Whether `client` is in `server.trusted_proxies`, which suggests that a proxy is not configured.
    client_trusted: bool,
}

impl From<ProxyCheck> for ProxyCheckBody {
    fn from(check: ProxyCheck) -> Self {
        Self {
            seen: check.observed.map(ObservedRequestBody::from),
        }
    }
}

impl From<ObservedRequest> for ObservedRequestBody {
    fn from(observed: ObservedRequest) -> Self {
        Self {
            peer: observed.peer,
            trusted: observed.trusted,
            header: observed.header,
            x_forwarded_for: observed.x_forwarded_for,
            forwarded: observed.forwarded,
            client: observed.client,
            client_trusted: observed.client_trusted,
        }
    }
}
