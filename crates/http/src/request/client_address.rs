//! The client address of a request.
//!
//! It is the peer of the connection, unless the peer is a trusted proxy: then it is the right-most address of the
//! forwarding header that is not a trusted proxy's. Addresses further left are under the control of the client. A
//! forwarding header from an untrusted peer is ignored.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::header::{self, HeaderMap, HeaderName};
use ipnet::IpNet;
use prometheus::IntCounter;

use super::forwarded::{forwarded, x_forwarded_for};

/// The header in which proxies forward the client address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardingHeader {
    /// `X-Forwarded-For`: a list of addresses.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl ForwardingHeader {
    pub(crate) const fn name(self) -> HeaderName {
        match self {
            Self::XForwardedFor => header::X_FORWARDED_FOR,
            Self::Forwarded => header::FORWARDED,
        }
    }
}

/// The trusted proxies and their header.
#[derive(Debug, Clone, Default)]
pub struct ProxySettings {
    /// The networks of the proxies.
    pub trusted: Vec<IpNet>,
    /// The header they set.
    pub header: ForwardingHeader,
}

/// Derives client addresses.
#[derive(Debug)]
pub(crate) struct ClientAddresses {
    settings: ProxySettings,
    has_warned: AtomicBool,
    ignored: IntCounter,
}

impl ClientAddresses {
    pub(crate) fn new(mut settings: ProxySettings, ignored: IntCounter) -> Self {
        // Addresses are compared in canonical form, so networks must be canonical too.
        settings.trusted = settings.trusted.into_iter().map(canonical_network).collect();
        Self {
            settings,
            has_warned: AtomicBool::new(false),
            ignored,
        }
    }

    /// Returns the client address in canonical form (an IPv4-mapped IPv6 address becomes the IPv4 address). Counts a
    /// forwarding header from an untrusted peer.
    pub(crate) fn of(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer?.ip().to_canonical();
        if !self.is_trusted(peer) {
            self.report_ignored(peer, headers);
        }
        Some(self.find(peer, headers))
    }

    pub(crate) const fn header_name(&self) -> &'static str {
        match self.settings.header {
            ForwardingHeader::XForwardedFor => "x-forwarded-for",
            ForwardingHeader::Forwarded => "forwarded",
        }
    }

    /// The client behind `peer`; both are in canonical form.
    pub(crate) fn find(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        if !self.is_trusted(peer) {
            return client;
        }
        for hop in self.hops(headers) {
            // An obfuscated or malformed element ends the chain: the last valid address counts.
            let Some(address) = hop else { break };
            client = address;
            if !self.is_trusted(address) {
                break;
            }
        }
        client
    }

    /// Whether this address, in canonical form, is a trusted proxy's.
    pub(crate) fn is_trusted(&self, address: IpAddr) -> bool {
        self.settings
            .trusted
            .iter()
            .any(|network| network.contains(&address))
    }

    /// The addresses of the forwarding header from right to left, all of its lines taken as one list (RFC 9110, section
    /// 5.3); `None` for an element without a valid address.
    fn hops(&self, headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
        let header = self.settings.header;
        let lines: Vec<_> = headers.get_all(header.name()).collect();
        lines
            .into_iter()
            .rev()
            .flat_map(move |line| -> Box<dyn Iterator<Item = Option<IpAddr>>> {
                match header {
                    ForwardingHeader::XForwardedFor => Box::new(x_forwarded_for(line.as_bytes())),
                    ForwardingHeader::Forwarded => Box::new(forwarded(line.as_bytes())),
                }
            })
    }

    /// Counts an ignored header and warns once: either a proxy is missing in the configuration, or a client forges headers.
    fn report_ignored(&self, peer: IpAddr, headers: &HeaderMap) {
        let forwards =
            headers.contains_key(header::X_FORWARDED_FOR) || headers.contains_key(header::FORWARDED);
        if !forwards {
            return;
        }
        self.ignored.inc();
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %peer,
                "received a forwarding header from a peer that is not in server.trusted_proxies; such headers are ignored"
            );
        }
    }
}

/// Converts a network of IPv4-mapped IPv6 addresses to the IPv4 network.
fn canonical_network(network: IpNet) -> IpNet {
    let mapped = match network {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => {
            v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96))
        }
        _ => None,
    };
    mapped
        .and_then(|(address, length)| IpNet::new(address.into(), length).ok())
        .unwrap_or(network)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn addresses(trusted: Vec<IpNet>, header: ForwardingHeader) -> ClientAddresses {
        let ignored = IntCounter::new("ignored", "ignored").unwrap();
        ClientAddresses::new(ProxySettings { trusted, header }, ignored)
    }

    fn client(trusted: &[&str], header: ForwardingHeader, peer: &str, lines: &[&str]) -> String {
        let trusted = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let addresses = addresses(trusted, header);
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header.name(), HeaderValue::from_str(line).unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        addresses.of(Some(peer), &headers).unwrap().to_string()
    }

    fn x_forwarded_for(peer: &str, lines: &[&str]) -> String {
        client(
            &["10.0.0.0/8", "fd00::/8"],
            ForwardingHeader::XForwardedFor,
            peer,
            lines,
        )
    }

    #[test]
    fn a_forwarding_header_from_an_untrusted_peer_is_ignored() {
        assert_eq!(x_forwarded_for("203.0.113.9", &["192.0.2.1"]), "203.0.113.9");
    }

    #[test]
    fn behind_a_trusted_proxy_the_right_most_untrusted_address_is_the_client() {
        for lines in [
            &["198.51.100.7"][..],
            &["1.2.3.4, 198.51.100.7"],
            &["1.2.3.4", "198.51.100.7, 10.9.9.9"],
            &["nonsense, 198.51.100.7:1234 , fd00::5"],
            &["10.1.1.1, 198.51.100.7, [fd00::5]:80"],
            &["::ffff:198.51.100.7"],
        ] {
            assert_eq!(x_forwarded_for("10.0.0.1", lines), "198.51.100.7", "{lines:?}");
        }
    }

    #[test]
    fn an_invalid_element_ends_the_chain_at_the_last_valid_address() {
        assert_eq!(x_forwarded_for("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(
            x_forwarded_for("10.0.0.1", &["198.51.100.7, unknown"]),
            "10.0.0.1"
        );
        assert_eq!(
            x_forwarded_for("10.0.0.1", &["198.51.100.7, nonsense, 10.2.2.2"]),
            "10.2.2.2"
        );
        assert_eq!(x_forwarded_for("10.0.0.1", &["10.3.3.3, 10.2.2.2"]), "10.3.3.3");
    }

    #[test]
    fn an_ipv4_mapped_peer_is_treated_as_its_ipv4_address() {
        assert_eq!(
            x_forwarded_for("::ffff:10.0.0.1", &["198.51.100.7"]),
            "198.51.100.7"
        );
        assert_eq!(x_forwarded_for("::ffff:203.0.113.9", &[]), "203.0.113.9");
    }

    #[test]
    fn the_forwarded_header_of_rfc_7239_is_parsed() {
        let forwarded =
            |lines: &[&str]| client(&["10.0.0.0/8"], ForwardingHeader::Forwarded, "10.0.0.1", lines);
        assert_eq!(
            forwarded(&["for=1.2.3.4, For=\"[2001:db8::7]:4711\";proto=https;by=10.0.0.1"]),
            "2001:db8::7"
        );
        assert_eq!(
            forwarded(&["for=192.0.2.60", "proto=http;for=10.4.4.4"]),
            "192.0.2.60"
        );
        assert_eq!(forwarded(&["for=_hidden"]), "10.0.0.1");
        assert_eq!(forwarded(&["for=192.0.2.60,"]), "192.0.2.60");
    }

    #[test]
    fn separators_within_quoted_strings_are_ignored() {
        let forwarded =
            |lines: &[&str]| client(&["10.0.0.0/8"], ForwardingHeader::Forwarded, "10.0.0.1", lines);
        for line in [
            r#"for=198.51.100.7;host="a,for=6.6.6.6""#,
            r#"ext="x;for=6.6.6.6;y";for=198.51.100.7"#,
            r#"for=198.51.100.7;host="a\",for=6.6.6.6""#,
        ] {
            assert_eq!(forwarded(&[line]), "198.51.100.7", "{line}");
        }
        assert_eq!(forwarded(&["for=6.6.6.6;for=198.51.100.7"]), "10.0.0.1");
    }

    #[test]
    fn invalid_bytes_from_a_client_do_not_invalidate_a_proxys_element() {
        let behind = |header, line: &[u8]| {
            let trusted = vec!["10.0.0.0/8".parse().unwrap()];
            let addresses = addresses(trusted, header);
            let mut headers = HeaderMap::new();
            headers.append(header.name(), HeaderValue::from_bytes(line).unwrap());
            addresses
                .of(Some("10.0.0.1:4711".parse().unwrap()), &headers)
                .unwrap()
                .to_string()
        };
        for line in [
            &b"\", 198.51.100.7"[..],
            b"\xff, 198.51.100.7",
            b"\"1.2.3.4, 198.51.100.7",
        ] {
            assert_eq!(behind(ForwardingHeader::XForwardedFor, line), "198.51.100.7");
        }
        for line in [
            &b"for=\", for=198.51.100.7"[..],
            b"for=\xff;by=\"\\\", for=198.51.100.7",
        ] {
            assert_eq!(behind(ForwardingHeader::Forwarded, line), "198.51.100.7");
        }
    }

    #[test]
    fn a_trusted_network_may_be_ipv4_mapped() {
        let mapped = client(
            &["::ffff:10.0.0.0/104"],
            ForwardingHeader::XForwardedFor,
            "10.0.0.1",
            &["198.51.100.7"],
        );
        assert_eq!(mapped, "198.51.100.7");
    }

    proptest! {
        #[test]
        fn headers_never_panic_and_never_change_an_untrusted_peer(line in "[ -~]{0,60}") {
            prop_assert_eq!(x_forwarded_for("203.0.113.9", &[&line]), "203.0.113.9");
            let _ = x_forwarded_for("10.0.0.1", &[&line]);
            let _ = client(&["10.0.0.0/8"], ForwardingHeader::Forwarded, "10.0.0.1", &[&line]);
        }
    }
}
