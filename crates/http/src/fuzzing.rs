//! What is private and reads untrusted input, for the fuzzer in `fuzz/`.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{HeaderMap, HeaderValue};
use prometheus::IntCounter;

use crate::request::{ClientAddresses, ForwardingHeader, ProxySettings};

/// Whom a request comes from that has this one line of the header, from that peer; none if no header can be such a line.
pub fn client_address(
    header: ForwardingHeader,
    trusted: &[&str],
    peer: IpAddr,
    line: &[u8],
) -> Option<IpAddr> {
    let mut headers = HeaderMap::new();
    headers.append(header.name(), HeaderValue::from_bytes(line).ok()?);
    let trusted = trusted
        .iter()
        .filter_map(|network| network.parse().ok())
        .collect();
    let ignored = IntCounter::new("ignored", "Headers of strangers.").ok()?;
    let addresses = ClientAddresses::new(ProxySettings { trusted, header }, ignored);
    addresses.of(Some(SocketAddr::new(peer, 4711)), &headers)
}
