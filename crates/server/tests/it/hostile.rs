//! Clients that hold on: byte by byte, in silence, without reading, or with more connections than anybody needs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::net::{AddressFamily, SocketType, connect, socket};

use crate::backing::Backing;
use crate::raw;
use crate::service::{Launch, Service};
use crate::support::eventually;

const LIVE: &str = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// The value of a metric without labels.
fn metric(service: &Service, name: &str) -> u64 {
    let answer = service.operator().get("/metrics");
    let value = answer
        .text()
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {}", answer.text()))
}

/// Asks on a connection, reads the answer, and keeps the connection.
fn ask(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut chunk = [0; 4096];
    stream.write_all(LIVE.as_bytes()).is_ok()
        && stream.read(&mut chunk).is_ok_and(|length| {
            let answer = String::from_utf8_lossy(&chunk[..length]);
            answer.starts_with("HTTP/1.1 200 ")
        })
}

/// A connection from this address of the machine that has been answered on.
fn answered(service: &Service, from: [u8; 4]) -> Option<TcpStream> {
    let mut stream = raw::connect_from(from.into(), service.address());
    ask(&mut stream).then_some(stream)
}

/// Every way to hold on that was thought of, at once; none is let.
#[test]
fn no_connection_is_held_open_for_long() {
    let service = Launch::on(&Backing::sqlite())
        .set("server.idle_timeout", "1s")
        .start();
    let address = service.address();
    let is_over = AtomicBool::new(false);
    let is_over = &is_over;
    // One byte a second, until it is known what came of it.
    let trickle = |mut stream: TcpStream| {
        while !is_over.load(Ordering::Relaxed) {
            let _ = stream.write_all(b"a");
            thread::sleep(Duration::from_secs(1));
        }
    };
    let hold = |stream: TcpStream| {
        while !is_over.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(100));
        }
        drop(stream);
    };
    thread::scope(|scope| {
        // The head of a first request, of a later one, and a body that nobody asked for.
        for (begin, answers) in [
            ("GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", false),
            ("GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", true),
            (
                "GET /health/live HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n",
                true,
            ),
            (
                "POST /v1/auth/logout-all HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n",
                false,
            ),
            (
                "POST /v1/auth/login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n1\r\n",
                true,
            ),
        ] {
            let mut stream = TcpStream::connect(address).unwrap();
            assert!(!answers || ask(&mut stream));
            stream.write_all(begin.as_bytes()).unwrap();
            scope.spawn(move || trickle(stream));
        }
        // Nothing at all, at first and later.
        let silent = TcpStream::connect(address).unwrap();
        scope.spawn(move || hold(silent));
        let mut idle = TcpStream::connect(address).unwrap();
        assert!(ask(&mut idle));
        scope.spawn(move || hold(idle));
        // More answers than the system keeps for a client that takes a byte a second of them.
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        set_socket_recv_buffer_size(&socket, 4096).unwrap();
        connect(&socket, &address).unwrap();
        let mut lazy = TcpStream::from(socket);
        let bundle = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
        lazy.write_all(bundle.repeat(16).as_bytes()).unwrap();
        scope.spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                let _ = lazy.read(&mut [0]);
                thread::sleep(Duration::from_secs(1));
            }
        });
        eventually("every one of them was seen", || {
            (metric(&service, "doorward_connections") >= 5).then_some(())
        });
        // However this goes, the clients must not be waited for.
        let ended = thread::scope(|inner| {
            inner
                .spawn(|| {
                    eventually("every connection is closed", || {
                        (metric(&service, "doorward_connections") == 0).then_some(())
                    });
                })
                .join()
        });
        is_over.store(true, Ordering::Relaxed);
        assert!(ended.is_ok(), "somebody holds on");
    });
    // The later head and the answers that were not read are what only the patrol ends.
    assert!(metric(&service, "doorward_connections_overdue_total") >= 2);
    assert!(ask(&mut TcpStream::connect(address).unwrap()));
}

#[test]
fn one_address_has_so_many_connections_and_a_proxy_any_number() {
    let service = Launch::on(&Backing::sqlite())
        .set("server.max_connections_per_address", "3")
        .env("DOORWARD_SERVER__TRUSTED_PROXIES", "127.0.0.9")
        .start();
    let mut held: Vec<_> = (0..3)
        .map(|_| answered(&service, [127, 0, 0, 2]).expect("an answer"))
        .collect();
    for _ in 0..3 {
        assert!(answered(&service, [127, 0, 0, 2]).is_none());
    }
    assert_eq!(metric(&service, "doorward_connections_refused_total"), 3);
    // Those that are there go on, and others are not affected.
    assert!(held.iter_mut().all(ask));
    assert!(answered(&service, [127, 0, 0, 3]).is_some());
    let proxies: Vec<_> = (0..8).map(|_| answered(&service, [127, 0, 0, 9])).collect();
    assert!(proxies.iter().all(Option::is_some));
    held.pop();
    eventually("a place is free again", || answered(&service, [127, 0, 0, 2]));
}

#[test]
fn connections_beyond_the_bound_wait_for_a_place() {
    let service = Launch::on(&Backing::sqlite())
        .set("server.max_connections", "4")
        .start();
    let mut held: Vec<_> = (0..4)
        .map(|_| answered(&service, [127, 0, 0, 1]).expect("an answer"))
        .collect();
    let mut waiting = TcpStream::connect(service.address()).unwrap();
    waiting.write_all(LIVE.as_bytes()).unwrap();
    waiting
        .set_read_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    assert!(waiting.read(&mut [0; 64]).is_err(), "there was no place");
    // The operator is not kept out.
    assert_eq!(metric(&service, "doorward_connections"), 4);
    held.clear();
    waiting.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert!(waiting.read(&mut [0; 64]).unwrap() > 0);
}

/// A bound that the system cannot bear is lowered, and the operator told.
#[cfg(target_os = "linux")]
#[test]
fn no_more_connections_are_taken_than_there_are_files_for() {
    let service = Launch::on(&Backing::sqlite())
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
        assert!(service.log().contains("server.max_connections is more than"));
    }
}
