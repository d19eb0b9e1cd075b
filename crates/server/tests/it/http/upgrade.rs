//! Requests that offer to switch to another protocol: the server supports none, and responds as to any other request.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::client::Client;
use crate::harness::database::Database;
use crate::harness::measure::Stopwatch;
use crate::harness::nginx::Nginx;
use crate::harness::service::Service;

/// The header lines of requests with an offer.
const OFFERS: [&str; 6] = [
    "Connection: upgrade\r\n",
    "Connection: Upgrade\r\nUpgrade: websocket\r\n",
    "Upgrade: websocket\r\n",
    "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
    "Connection: upgrade\r\nUpgrade: \r\n",
];

/// The lines that most instructions for nginx have.
const SNIPPET: &str = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";";

/// Reads one response, which has a `Content-Length`; returns its head.
fn read_response(stream: &mut TcpStream) -> String {
    let mut received = Vec::new();
    let mut byte = [0];
    while !received.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "the connection was closed");
        received.push(byte[0]);
    }
    let head = String::from_utf8(received).unwrap().to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    head
}

#[test]
fn a_connection_stays_usable_after_an_offer_to_upgrade() {
    let database = Database::sqlite();
    let service = Service::on(&database);
    for offer in OFFERS {
        let mut stream = TcpStream::connect(service.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let body = "{\"refresh_token\":\"x\"}";
        let get = format!("GET /health/live HTTP/1.1\r\nHost: localhost\r\n{offer}\r\n");
        let post = format!(
            "POST /v1/auth/refresh HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{offer}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let chunked = format!(
            "POST /v1/auth/refresh HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{offer}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        );
        for (request, status) in [
            (&get, "200"),
            (&post, "401"),
            (&get, "200"),
            (&chunked, "401"),
            (&format!("{get}{post}"), "200"),
        ] {
            stream.write_all(request.as_bytes()).unwrap();
            let head = read_response(&mut stream);
            assert!(
                head.starts_with(&format!("http/1.1 {status} ")),
                "{request}: {head}"
            );
            assert!(
                !head.contains("\r\nconnection:") && !head.contains("\r\nupgrade:"),
                "{request}: {head}"
            );
        }
        assert!(read_response(&mut stream).starts_with("http/1.1 401 "), "{offer}");
    }
}

#[test]
fn no_request_fails_behind_a_proxy_that_always_offers_to_upgrade() {
    let database = Database::sqlite();
    let service = Service::on(&database);
    let Some(nginx) = Nginx::before(service.address(), SNIPPET) else {
        return;
    };
    let client = Client::new(nginx.address());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..150 {
                    client.get("/health/live").ok(200);
                    client
                        .post("/v1/auth/refresh", &json!({"refresh_token": "x"}))
                        .problem(401, "invalid-refresh-token");
                }
            });
        }
    });
    // A browser that offers it by itself.
    let stopwatch = Stopwatch::start();
    client
        .with_header("upgrade", "websocket")
        .post("/v1/auth/refresh", &json!({"refresh_token": "x"}))
        .problem(401, "invalid-refresh-token");
    assert!(stopwatch.read() < 5_000_000);
}
