//! A minimal HTTP client for commands: one request per connection, no TLS, responses of a few kilobytes.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::config::Settings;
use crate::data_dir::{Listener, read_bound};

/// The longest wait for the connection, and then for each read and write.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The most that is read of a response, in bytes.
const MAX_RESPONSE: u64 = 64 * 1024;

/// A response.
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// The local address that the request was sent from.
    pub sent_from: SocketAddr,
}

/// The address at which the management listener of the server with these settings is reached from the same machine.
pub fn management_address(settings: &Settings) -> SocketAddr {
    let bound = read_bound(&settings.data_dir, Listener::Management);
    match bound.unwrap_or(settings.server.management_listen) {
        // A listener on all addresses is reached on loopback.
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, v6.port()).into(),
        other => other,
    }
}

/// Sends a request without a body, and reads the response until the connection ends. No argument may contain a line break.
pub fn send(
    address: SocketAddr,
    method: &str,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> io::Result<Response> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let sent_from = stream.local_addr()?;
    let mut lines = vec![
        format!("{method} {path} HTTP/1.1"),
        format!("Host: {host}"),
        "Connection: close".into(),
    ];
    if method != "GET" {
        lines.push("Content-Length: 0".into());
    }
    lines.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
    stream.write_all((lines.join("\r\n") + "\r\n\r\n").as_bytes())?;
    let mut received = Vec::new();
    stream.take(MAX_RESPONSE).read_to_end(&mut received)?;
    let (status, body) = parse(&received)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the response is not HTTP"))?;
    Ok(Response {
        status,
        body,
        sent_from,
    })
}

/// Returns the status and the body of a response.
fn parse(received: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, rest) = received.split_at(end);
    let status = str::from_utf8(head)
        .ok()?
        .strip_prefix("HTTP/1.")?
        .split(' ')
        .nth(1)?
        .get(..3)?
        .parse()
        .ok()?;
    Some((status, rest.get(4..)?.to_vec()))
}
