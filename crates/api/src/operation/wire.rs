//! Bodies of the operator's routes.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use doorward_http::{ObservedRequest, ProxyCheck};
use serde::Serialize;
use utoipa::ToSchema;

/// The state of the server.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthBody {
    /// `ok` if every check is.
    pub(crate) status: State,
    /// Each thing that was checked.
    pub(crate) checks: BTreeMap<&'static str, State>,
}

/// The state of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = HealthState)]
pub(crate) enum State {
    /// As it should be.
    Ok,
    /// Not to be had at present.
    Unavailable,
    /// On its way out.
    Draining,
}

/// A proxy check that was created.
#[derive(Serialize)]
pub(crate) struct CreatedProxyCheck {
    /// The header that a request has to carry.
    pub(crate) header: String,
    /// The value it has to have.
    pub(crate) probe: String,
}

/// The result of a proxy check.
#[derive(Serialize)]
pub(crate) struct ProxyCheckBody {
    /// The request as it was last observed; `null` if it was not.
    seen: Option<ObservedRequestBody>,
}

/// A request as the server has seen it.
#[derive(Serialize)]
struct ObservedRequestBody {
    /// The peer of the connection.
    peer: SocketAddr,
    /// Whether the peer is in `server.trusted_proxies`.
    trusted: bool,
    /// The header in which trusted proxies name the client.
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
