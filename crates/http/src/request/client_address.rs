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
        for hop in self.hops(headers).into_iter().rev() {
            // An obfuscated or invalid element ends the chain: the last valid address counts.
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

    /// The hops of the forwarding header from left to right, all of its lines taken as one list (RFC 9110, section 5.3).
    fn hops(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        let mut hops = Vec::new();
        for line in headers.get_all(self.settings.header.name()) {
            // Invalid bytes from the client must not invalidate what a proxy appended.
            let line = String::from_utf8_lossy(line.as_bytes());
            match self.settings.header {
                ForwardingHeader::XForwardedFor => hops.extend(elements(line.split(',')).map(parse_node)),
                ForwardingHeader::Forwarded if is_closed(&line) => {
                    hops.extend(elements(split_unquoted(&line, ',')).map(parse_forwarded));
                }
                // An unclosed quote comes from the client: what a proxy appended comes after the last comma.
                ForwardingHeader::Forwarded => hops.extend(elements(line.split(',')).map(parse_forwarded)),
            }
        }
        hops
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

/// The non-empty elements of a list; empty ones are ignored (RFC 9110, section 5.6.1).
fn elements<'a>(parts: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    parts.filter(|part| !part.trim().is_empty())
}

/// The address of an element of a `Forwarded` header: its only `for` parameter.
fn parse_forwarded(element: &str) -> Option<IpAddr> {
    let mut values = split_unquoted(element, ';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
    });
    match (values.next(), values.next()) {
        (Some(value), None) => parse_node(
            value
                .strip_prefix('"')
                .and_then(|v| v.strip_suffix('"'))
                .unwrap_or(value),
        ),
        _ => None,
    }
}

/// Tracks quoted strings while scanning a text (RFC 9110, section 5.6.4).
#[derive(Default)]
struct Quoting {
    is_inside: bool,
    escaped: bool,
}

impl Quoting {
    fn take(&mut self, c: char) {
        self.is_inside ^= c == '"' && !self.escaped;
        self.escaped = c == '\\' && self.is_inside && !self.escaped;
    }
}

/// Splits at `separator`, except within quoted strings, whose content may come from the client.
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoting = Quoting::default();
    text.split(move |c| {
        let splits = c == separator && !quoting.is_inside;
        quoting.take(c);
        splits
    })
}

/// Whether every quoted string of the text is closed.
fn is_closed(text: &str) -> bool {
    let mut quoting = Quoting::default();
    text.chars().for_each(|c| quoting.take(c));
    !quoting.is_inside
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

/// An address as proxies write it: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn parse_node(node: &str) -> Option<IpAddr> {
    let node = node.trim();
    let bracketed = node.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let address = match bracketed {
        Some((address, port)) if port.is_empty() || is_port(port) => address.parse().ok(),
        Some(_) => None,
        None => node.parse().ok().or_else(|| {
            let (address, port) = node.split_once(':')?;
            port.parse::<u16>().ok()?;
            address.parse().ok()
        }),
    };
    address.map(|address: IpAddr| address.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':')
        .is_some_and(|port| port.parse::<u16>().is_ok())
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
