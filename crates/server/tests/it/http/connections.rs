//! Limits on the number of connections.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::database::Database;
use crate::harness::process::eventually;
use crate::harness::raw::{self, LIVE, ask_live};
use crate::harness::service::{Launch, Service};

/// A connection from this local address on which one response has been received.
fn connected(service: &Service, from: [u8; 4]) -> Option<TcpStream> {
    let mut stream = raw::connect_from(from.into(), service.address());
    ask_live(&mut stream).then_some(stream)
}

#[test]
fn connections_are_limited_per_address_except_for_trusted_proxies() {
    let service = Launch::on(&Database::sqlite())
        .set("server.max_connections_per_address", "3")
        .env("DOORWARD_SERVER__TRUSTED_PROXIES", "127.0.0.9")
        .start();
    let mut held: Vec<_> = (0..3)
        .map(|_| connected(&service, [127, 0, 0, 2]).expect("a response"))
        .collect();
    for _ in 0..3 {
        assert!(connected(&service, [127, 0, 0, 2]).is_none());
    }
    assert_eq!(service.metric("doorward_connections_refused_total").unwrap(), 3);
    // Existing connections continue to work, and other addresses are not affected.
    assert!(held.iter_mut().all(ask_live));
    assert!(connected(&service, [127, 0, 0, 3]).is_some());
    let proxies: Vec<_> = (0..8).map(|_| connected(&service, [127, 0, 0, 9])).collect();
    assert!(proxies.iter().all(Option::is_some));
    held.pop();
    eventually("a connection is accepted again", || {
        connected(&service, [127, 0, 0, 2])
    });
}

#[test]
fn connections_beyond_the_limit_wait_until_one_closes() {
    let service = Launch::on(&Database::sqlite())
        .set("server.max_connections", "4")
        .start();
    let mut held: Vec<_> = (0..4)
        .map(|_| connected(&service, [127, 0, 0, 1]).expect("a response"))
        .collect();
    let mut waiting = TcpStream::connect(service.address()).unwrap();
    waiting.write_all(LIVE.as_bytes()).unwrap();
    waiting
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    assert!(waiting.read(&mut [0; 64]).is_err(), "the limit was exceeded");
    // The management listener is not limited.
    assert_eq!(service.metric("doorward_connections").unwrap(), 4);
    held.clear();
    waiting.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert!(waiting.read(&mut [0; 64]).unwrap() > 0);
}

/// A limit beyond the file descriptor limit is lowered, with a warning.
#[cfg(target_os = "linux")]
#[test]
fn the_connection_limit_is_checked_against_the_file_descriptor_limit() {
    let service = Launch::on(&Database::sqlite())
        .set("server.max_connections", "1000000")
        .set("server.max_connections_per_address", "1000000")
        .start();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", service.id())).unwrap();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .unwrap();
    let mut numbers = line.split_whitespace();
    let (soft, hard) = (numbers.next().unwrap(), numbers.next().unwrap());
    assert_eq!(soft, hard, "the limit was not raised");
    if let Ok(files) = hard.parse::<u64>()
        && files < 2_000_000
    {
        assert!(
            service
                .log()
                .contains("server.max_connections exceeds the limit on open files")
        );
    }
}
