//! Clients that send or read slowly, or not at all.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use crate::harness::database::Database;
use crate::harness::process::eventually;
use crate::harness::raw::ask_live;
use crate::harness::service::{Launch, Service};

/// All known ways to hold a connection open, at the same time.
#[test]
fn slow_and_idle_connections_are_closed() {
    let service = Launch::on(&Database::sqlite())
        .set("server.idle_timeout", "1s")
        .start();
    let address = service.address();
    let is_over = AtomicBool::new(false);
    let is_over = &is_over;
    // Sends one byte a second until the test is over.
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
        // The head of a first request, of a later one, and an unread body.
        for (begin, responses) in [
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
            assert!(!responses || ask_live(&mut stream));
            stream.write_all(begin.as_bytes()).unwrap();
            scope.spawn(move || trickle(stream));
        }
        // No bytes at all, on a new connection and after a response.
        let silent = TcpStream::connect(address).unwrap();
        scope.spawn(move || hold(silent));
        let mut idle = TcpStream::connect(address).unwrap();
        assert!(ask_live(&mut idle));
        scope.spawn(move || hold(idle));
        // More responses than the socket buffers hold, read at one byte a second.
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
        eventually("the connections are counted", || {
            (service.metric("doorward_connections").unwrap() >= 5).then_some(())
        });
        // The client threads must be stopped even if this fails.
        let ended = thread::scope(|inner| {
            inner
                .spawn(|| {
                    eventually("every connection is closed", || {
                        (service.metric("doorward_connections").unwrap() == 0).then_some(())
                    });
                })
                .join()
        });
        is_over.store(true, Ordering::Relaxed);
        assert!(ended.is_ok(), "a connection stayed open");
    });
    // The later head and the unread responses are closed only by the periodic check.
    assert!(service.metric("doorward_connections_overdue_total").unwrap() >= 2);
    assert!(ask_live(&mut TcpStream::connect(address).unwrap()));
}

/// Connects with a small buffer for received data.
fn connect_without_room(address: SocketAddr, from: [u8; 4]) -> TcpStream {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    set_socket_recv_buffer_size(&socket, 4096).unwrap();
    bind(&socket, &SocketAddr::from((from, 0))).unwrap();
    connect(&socket, &address).unwrap();
    socket.into()
}

/// What the server holds for clients that do not read is bounded, in its own memory and in the kernel's.
#[cfg(target_os = "linux")]
#[test]
fn responses_that_nobody_reads_use_little_memory() {
    const CLIENTS: u8 = 60;
    let service = Service::on(&Database::sqlite());
    service.client().get("/docs/swagger-ui-bundle.js").is(200);
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    let before = resident();
    let bundle = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let mut stream = connect_without_room(service.address(), [127, 0, 1, number + 1]);
            stream.write_all(bundle.repeat(3).as_bytes()).unwrap();
            stream
        })
        .collect();
    let requests = "doorward_http_requests_total{method=\"GET\",route=\"/docs/{asset}\",status=\"200\"}";
    eventually("every response has begun", || {
        (service.metric(requests)? > u64::from(CLIENTS)).then_some(())
    });
    thread::sleep(Duration::from_millis(500));
    let grown = resident().saturating_sub(before);
    assert!(grown < 20 * 1024, "{grown} KiB");
    // What arrives while the server is stopped is what the kernel had in its buffers.
    service.signal("STOP");
    let stream = &mut clients[0];
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut received = 0;
    let mut chunk = vec![0; 65536];
    while let Ok(length @ 1..) = stream.read(&mut chunk) {
        received += length;
    }
    service.signal("CONT");
    assert!((1..512 * 1024).contains(&received), "{received} bytes");
}

/// A client on a slow line that keeps reading gets its response, however long it takes.
#[test]
fn a_slow_response_is_not_cut_while_it_makes_progress() {
    let service = Launch::on(&Database::sqlite())
        .set("server.idle_timeout", "1s")
        .start();
    let length = service.client().get("/docs/swagger-ui-bundle.js").text().len();
    let mut stream = connect_without_room(service.address(), [127, 0, 0, 1]);
    let request = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut received = 0;
    let mut chunk = vec![0; 32 * 1024];
    loop {
        match stream.read(&mut chunk).unwrap() {
            0 => break,
            read => received += read,
        }
        // About 10 s in all, more than `idle_timeout` and the 5 s for a head.
        thread::sleep(Duration::from_millis(
            u64::try_from(10_000 * 4096 / length).unwrap() / 2,
        ));
    }
    assert!(received > length, "{received} of {length}");
}

/// A byte a second does not keep a request alive, neither in the head nor in the body.
#[test]
fn a_request_sent_byte_by_byte_times_out() {
    let database = Database::sqlite();
    let service = Service::on(&database);
    let head = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    let post = "POST /v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n";
    let trickle = |begin: &str| {
        let mut stream = TcpStream::connect(service.address()).unwrap();
        stream.write_all(begin.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let mut chunk = [0; 1024];
        for _ in 0..20 {
            // The read timeout is the pause between two bytes.
            if let Ok(length) = stream.read(&mut chunk) {
                return String::from_utf8_lossy(&chunk[..length]).into_owned();
            }
            if stream.write_all(b"{").is_err() {
                return String::new();
            }
        }
        panic!("the request did not time out");
    };
    thread::scope(|scope| {
        let slow = [head, post].map(|begin| scope.spawn(move || trickle(begin)));
        let [head, body] = slow.map(|slow| slow.join().unwrap());
        assert!(head.is_empty() || head.starts_with("HTTP/1.1 408 "), "{head}");
        assert!(body.starts_with("HTTP/1.1 408 "), "{body}");
        assert!(body.contains("\"code\":\"request-timeout\""), "{body}");
    });
    service.client().get("/health/live").ok(200);
}
