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

/// A connection on which a request is being sent, so that it is not idle.
fn busy(service: &Service, from: [u8; 4]) -> TcpStream {
    let mut stream = raw::connect_from(from.into(), service.address());
    assert!(ask_live(&mut stream));
    let head = "POST /v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

/// Whether the server has closed a connection.
fn is_closed(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let read = (&mut &*stream).read(&mut [0; 16]);
    stream.set_nonblocking(false).unwrap();
    !read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

#[test]
fn connections_beyond_the_limit_wait_while_none_is_idle() {
    let service = Launch::on(&Database::sqlite())
        .set("server.max_connections", "4")
        .start();
    let mut held: Vec<_> = (0..4).map(|_| busy(&service, [127, 0, 0, 1])).collect();
    let mut waiting = TcpStream::connect(service.address()).unwrap();
    waiting.write_all(LIVE.as_bytes()).unwrap();
    waiting
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    assert!(waiting.read(&mut [0; 64]).is_err(), "the limit was exceeded");
    // The management listener has a limit of its own.
    assert_eq!(service.metric("doorward_connections").unwrap(), 4);
    held.clear();
    waiting.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert!(waiting.read(&mut [0; 64]).unwrap() > 0);
}

/// Addresses that hold as many connections as they may do not keep others out.
#[test]
fn idle_connections_of_whoever_has_most_are_closed_first() {
    let service = Launch::on(&Database::sqlite())
        .set("server.max_connections", "32")
        .set("server.max_connections_per_address", "16")
        .env("DOORWARD_SERVER__TRUSTED_PROXIES", "127.0.0.9")
        .start();
    let mut patient = connected(&service, [127, 0, 0, 5]).unwrap();
    let mut proxy = connected(&service, [127, 0, 0, 9]).unwrap();
    let working = busy(&service, [127, 0, 0, 2]);
    let first: Vec<_> = (0..15)
        .map(|_| raw::connect_from([127, 0, 0, 2].into(), service.address()))
        .collect();
    let _second: Vec<_> = (0..8)
        .map(|_| raw::connect_from([127, 0, 0, 3].into(), service.address()))
        .collect();
    // Others come and go, and stay.
    for number in 10..40 {
        assert!(connected(&service, [127, 0, 0, number]).is_some(), "{number}");
    }
    let _staying: Vec<_> = (40..60)
        .map(|number| connected(&service, [127, 0, 0, number]).expect("a response"))
        .collect();
    assert!(service.metric("doorward_connections_evicted_total").unwrap() > 0);
    assert!(
        is_closed(&first[0]),
        "the longest idle one of the client with the most"
    );
    assert!(!is_closed(&working), "a connection with an active request");
    assert!(ask_live(&mut patient) && ask_live(&mut proxy));
}

/// Only a few of them are read ahead, and none is lost.
#[test]
fn every_pipelined_request_gets_its_response() {
    const ROUNDS: usize = 100;
    let service = Service::on(&Database::sqlite());
    let mut stream = TcpStream::connect(service.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let post = "POST /v1/auth/refresh HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n{\"refresh_token\":\"x\"}";
    let last = "GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let requests = format!("{}{last}", format!("{LIVE}{post}").repeat(ROUNDS));
    let mut writing = stream.try_clone().unwrap();
    let received = std::thread::scope(|scope| {
        scope.spawn(move || writing.write_all(requests.as_bytes()).unwrap());
        let mut received = String::new();
        stream.read_to_string(&mut received).unwrap();
        received
    });
    let count = |status: &str| received.matches(&format!("HTTP/1.1 {status} ")).count();
    assert_eq!((count("200"), count("401"), count("404")), (ROUNDS, ROUNDS, 1));
}

#[test]
fn the_management_listener_limits_its_connections() {
    let service = Service::on(&Database::sqlite());
    let address = service.management_address();
    let held: Vec<_> = (2..=7)
        .flat_map(|last| (0..40).map(move |_| raw::connect_from([127, 0, 0, last].into(), address)))
        .collect();
    eventually("connections are refused", || {
        (service
            .metric("doorward_management_connections_refused_total")
            .unwrap()
            > 0)
        .then_some(())
    });
    service.management().get("/health/ready").ok(200);
    assert!(service.metric("doorward_management_connections").unwrap() <= 64);
    drop(held);
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
