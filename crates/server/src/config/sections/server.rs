//! `server.*`

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use doorward_http::{ConnectionSettings, ForwardingHeader, ProxySettings};
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{is_this_machine, size};
use crate::config::checker::Checker;
use crate::config::span::Span;
use crate::resources::Resources;

/// `server.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawServer {
    /// The IP address and port of the API. Port 0 picks a free one; the bound address is logged and written to
    /// `<data_dir>/listen`.
    pub listen: String,
    /// The IP address and port of the management listener, which serves health and metrics and should not be reachable
    /// from outside. The bound address is written to `<data_dir>/management_listen`.
    pub management_listen: String,
    /// The names by which the management listener is reached, if they could be registered in the public DNS, such as
    /// `metrics.example.com`. Requests with another such name in `Host` are rejected, so that no web page can send any.
    /// Addresses, names without a dot and names in `localhost`, `local`, `internal` and `svc` need not be listed.
    pub management_hosts: Vec<String>,
    /// The URL by which clients reach this service: the issuer (`iss`) of every token, character by character as it is written
    /// here, but without slashes at the end; and the base of every link, whose path it keeps. An http or https URL in ASCII,
    /// without user, query or fragment.
    pub public_url: String,
    /// The proxies whose forwarding header is trusted, as single addresses (`192.0.2.7`) or networks in which nothing else
    /// has an address (`10.20.30.0/28`): a client that can connect from one of them chooses its address. Without any, the
    /// peer of the connection is the client.
    pub trusted_proxies: Vec<String>,
    /// The header in which trusted proxies forward the client's address: `x-forwarded-for` or `forwarded` (RFC 7239).
    pub forwarded_header: String,
    /// The most client connections at once. When almost as many are open, idle ones are closed, the longest idle one of the
    /// address that has the most first; while none is idle, more wait to be accepted. Also bounded by about half the limit
    /// on open files, which is raised as far as the system permits, and, unless configured, by a quarter of the memory.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_connections: u32,
    /// The most connections of one client at once, by address (IPv4) or /64 (IPv6); an IPv6 /48 may have four times as many.
    /// More are closed. Trusted proxies are exempt.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_connections_per_address: u32,
    /// How long an idle connection is kept for the next request. A proxy that keeps connections should keep them for a
    /// shorter time. A client has this time and five seconds to read a response.
    #[schemars(extend("x-min" = "1s", "x-max" = "10m"))]
    pub idle_timeout: Span,
    /// How long connections are still accepted after SIGTERM, while `/health/ready` returns 503 and every response closes its
    /// connection, so that load balancers stop sending requests. Longer than they take to notice; `"0s"` if something else
    /// takes the instance out of service first. SIGINT (Ctrl-C) stops without this delay.
    #[schemars(extend("x-max" = "5m"))]
    pub drain_delay: Span,
}

impl Default for RawServer {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            management_listen: "127.0.0.1:9080".into(),
            management_hosts: Vec::new(),
            public_url: "http://localhost:8080".into(),
            trusted_proxies: Vec::new(),
            forwarded_header: "x-forwarded-for".into(),
            max_connections: 4096,
            max_connections_per_address: 128,
            idle_timeout: Span::seconds(30),
            drain_delay: Span::seconds(5),
        }
    }
}

impl RawServer {
    pub fn check(&self, checker: &mut Checker, resources: &Resources) -> ServerSettings {
        let mut address = |key: &str, text: &str| {
            let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
            checker.accept(key, parse_address(text)).unwrap_or(unspecified)
        };
        let listen = address("server.listen", &self.listen);
        let management_listen = address("server.management_listen", &self.management_listen);
        if listen.port() != 0 && listen == management_listen {
            checker.refuse(
                "server.management_listen",
                "must not be the same as server.listen",
            );
        }
        let public_url = checker.accept("server.public_url", parse_public_url(&self.public_url));
        let public_url = public_url.unwrap_or_default();
        if is_insecure(&public_url) {
            let what = "passwords and tokens are sent unencrypted over http";
            checker.warn("server.public_url", what);
        }
        let max_connections = if checker.is_given("server.max_connections") {
            self.max_connections
        } else {
            resources.client_connections(self.max_connections)
        };
        ServerSettings {
            listen,
            management_listen,
            management_hosts: self.management_hosts.clone(),
            base_path: path_of(&public_url),
            public_url,
            proxies: self.check_proxies(checker),
            drain_delay: self.drain_delay.0,
            connections: ConnectionSettings {
                most: size(max_connections),
                most_per_client: size(self.max_connections_per_address),
                idle: self.idle_timeout.0,
            },
        }
    }

    fn check_proxies(&self, checker: &mut Checker) -> ProxySettings {
        let mut trusted = Vec::with_capacity(self.trusted_proxies.len());
        for text in &self.trusted_proxies {
            trusted.extend(checker.accept("server.trusted_proxies", parse_network(text)));
        }
        for network in trusted.iter().filter(|network| is_wide(network)) {
            let what = format!(
                "every client in {network} can forge its address: list the addresses of the proxies, or a network of their own"
            );
            checker.warn("server.trusted_proxies", &what);
        }
        let headers = [
            ("x-forwarded-for", ForwardingHeader::XForwardedFor),
            ("forwarded", ForwardingHeader::Forwarded),
        ];
        let header = checker.choice("server.forwarded_header", &self.forwarded_header, headers);
        ProxySettings {
            trusted,
            header: header.unwrap_or_default(),
        }
    }
}

/// `server.*`
#[derive(Debug)]
pub struct ServerSettings {
    /// The address of the API; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The address of health and metrics; port 0 picks a free one.
    pub management_listen: SocketAddr,
    /// The names of the management listener.
    pub management_hosts: Vec<String>,
    /// The issuer of tokens and the base of links, without a trailing slash.
    pub public_url: String,
    /// The path of `public_url`, without a trailing slash: empty, or with a leading one.
    pub base_path: String,
    /// The trusted proxies.
    pub proxies: ProxySettings,
    /// The bounds of connections.
    pub connections: ConnectionSettings,
    /// How long connections are still accepted after a request to stop.
    pub drain_delay: Duration,
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|error| {
        format!("{text:?} is not an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080 ({error})")
    })
}

/// Whether a network is larger than proxies need: an IPv4 network of more than a /16, an IPv6 network of more than a /48.
fn is_wide(network: &IpNet) -> bool {
    network.prefix_len() < if network.addr().is_ipv4() { 16 } else { 48 }
}

/// Parses a network; a single address is a network of one.
fn parse_network(text: &str) -> Result<IpNet, String> {
    let single = text.parse::<IpAddr>().map(IpNet::from);
    match single.or_else(|_| text.parse::<IpNet>()) {
        Ok(network) => Ok(network.trunc()),
        Err(error) => Err(format!(
            "{text:?} is not an address such as 192.0.2.7 or a network such as 10.20.30.0/28 ({error})"
        )),
    }
}

/// Checks the URL that clients use, and removes slashes at the end. Nothing else is changed: verifiers compare the issuer with
/// what they were given.
fn parse_public_url(text: &str) -> Result<String, String> {
    let refuse = |what: &str| Err(format!("{text:?} {what}"));
    // The URL parser silently drops or repairs these.
    if text
        .contains(|character: char| character.is_whitespace() || character.is_control() || character == '\\')
    {
        return refuse("contains a character that is not allowed in a URL");
    }
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return refuse(&format!("is not a URL such as https://id.example.com ({error})")),
    };
    if !(text.starts_with("http://") || text.starts_with("https://")) {
        return refuse("does not start with https:// or http://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user name or password".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("must not have a query or a fragment");
    }
    if !text.is_ascii() {
        return refuse(&format!("is not ASCII: write {url}"));
    }
    let written = text.trim_end_matches('/');
    let (_, rest) = written.split_once("://").unwrap_or(("", written));
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default();
    if url.path().trim_end_matches('/') != path {
        return refuse(&format!("has a path that clients would change: write {url}"));
    }
    Ok(written.to_owned())
}

/// The path of a URL that [`parse_public_url`] has accepted; empty if it has none.
fn path_of(public_url: &str) -> String {
    Url::parse(public_url).map_or_else(
        |_| String::new(),
        |url| url.path().trim_end_matches('/').to_owned(),
    )
}

/// Whether requests to this URL are sent unencrypted over a network: http to another machine.
fn is_insecure(public_url: &str) -> bool {
    let Ok(url) = Url::parse(public_url) else {
        return false;
    };
    let is_this_machine = url.host().as_ref().is_some_and(is_this_machine);
    url.scheme() == "http" && !is_this_machine
}
