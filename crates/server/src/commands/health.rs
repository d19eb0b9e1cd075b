//! `doorward health`: asks the running server whether it is ready.
//!
//! It needs no shell and no other program, so a container can check its health with the image's only binary.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::config::Settings;
use crate::failure::Failure;
use crate::first_start::{Listener, read_bound};

/// How long the server may take to accept, and then to answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The most that is read of the answer: its status line is all that counts.
const MAX_ANSWER: u64 = 1024;

/// Asks the management listener; fails unless it answers that it is ready.
pub fn ask(settings: &Settings) -> Result<(), Failure> {
    let bound = read_bound(&settings.data_dir, Listener::Management);
    let address = reachable(bound.unwrap_or(settings.server.management_listen));
    let status = status_line(address)
        .map_err(|error| Failure::other(format!("not ready: no answer from {address}: {error}")))?;
    if status.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    Err(Failure::other(format!(
        "not ready: {address} answers {:?}",
        status.trim_end()
    )))
}

/// The status line of the answer to a readiness request.
fn status_line(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut line = String::new();
    BufReader::new(stream.take(MAX_ANSWER)).read_line(&mut line)?;
    Ok(line)
}

/// Where a listener on this address is reached from the same machine: one on every address, on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, v6.port()).into(),
        other => other,
    }
}
