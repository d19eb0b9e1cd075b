//! One request over HTTP, as far as commands need it: without TLS, and with answers of a few kilobytes.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::config::Settings;
use crate::data_dir::{Listener, read_bound};

/// How long the other side may take to accept, and then to say anything more.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The most bytes that are read of an answer.
const MAX_ANSWER: u64 = 64 * 1024;

/// An answer.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
    /// The address that the request was sent from.
    pub sent_from: SocketAddr,
}

/// Where the management listener of the server with these settings is reached from the same machine.
pub fn management(settings: &Settings) -> SocketAddr {
    let bound = read_bound(&settings.data_dir, Listener::Management);
    match bound.unwrap_or(settings.server.management_listen) {
        // One that listens on every address does on loopback.
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, v6.port()).into(),
        other => other,
    }
}

/// Sends a request without a body, and reads the answer to it until the connection ends. Nothing in the request may break
/// a line.
pub fn exchange(
    address: SocketAddr,
    method: &str,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> io::Result<Answer> {
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
    stream.take(MAX_ANSWER).read_to_end(&mut received)?;
    let (status, body) = parse(&received).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "what came back is not an answer of HTTP",
        )
    })?;
    Ok(Answer {
        status,
        body,
        sent_from,
    })
}

/// The status and the body of an answer.
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
