//! Entry points for the fuzzer in `fuzz/`: private functions that parse untrusted input.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{HeaderMap, HeaderValue};
use prometheus::IntCounter;

use crate::request::{ClientAddresses, ForwardingHeader, ProxySettings};

/// The client address of a request from `peer` with one line of the forwarding header; `None` if `line` is not a valid
/// header value.
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
    let ignored = IntCounter::new("ignored", "Ignored headers.").ok()?;
    let addresses = ClientAddresses::new(ProxySettings { trusted, header }, ignored);
    addresses.of(Some(SocketAddr::new(peer, 4711)), &headers)
}
