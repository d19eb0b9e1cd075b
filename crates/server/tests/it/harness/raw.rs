//! Requests written to the socket byte for byte, as no ordinary client sends them.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use crate::harness::client::Response;

/// How long to wait for a response: longer than the server's own request timeout.
const PATIENCE: Duration = Duration::from_secs(40);

/// Sends these bytes and returns the first response; `None` if the server closes the connection without one.
pub fn exchange(address: SocketAddr, request: &[u8]) -> Option<Response> {
    exchange_on(TcpStream::connect(address).unwrap(), request)
}

/// Connects from this local address.
pub fn connect_from(from: IpAddr, to: SocketAddr) -> TcpStream {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &SocketAddr::new(from, 0)).unwrap();
    connect(&socket, &to).unwrap();
    socket.into()
}

/// Sends these bytes on a connection, returns the first response, and closes the connection.
pub fn exchange_on(mut stream: TcpStream, request: &[u8]) -> Option<Response> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut writing = stream.try_clone().unwrap();
    let received = thread::scope(|scope| {
        scope.spawn(move || {
            // The server may stop reading early.
            let _ = writing.write_all(request);
        });
        read_response(&mut stream, request.starts_with(b"HEAD "))
    });
    let first_line = request.split(|byte| *byte == b'\r').next().unwrap();
    parse(&String::from_utf8_lossy(first_line), &received)
}

/// Sends these few bytes on a connection and returns the first response; `None` if the server closes the connection
/// without one.
pub fn ask(mut stream: TcpStream, request: &[u8]) -> Option<Response> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The server may have responded before it closed the connection.
    let _ = stream.write_all(request);
    let received = read_response(&mut stream, request.starts_with(b"HEAD "));
    let first_line = request.split(|byte| *byte == b'\r').next().unwrap();
    parse(&String::from_utf8_lossy(first_line), &received)
}

/// Reads until the response is complete or the connection ends.
fn read_response(stream: &mut TcpStream, to_head: bool) -> Vec<u8> {
    let (mut received, mut chunk) = (Vec::new(), [0; 4096]);
    while !is_whole(&received, to_head) {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(length) => received.extend_from_slice(&chunk[..length]),
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Both);
    received
}

fn is_whole(received: &[u8], to_head: bool) -> bool {
    let Some(end) = head_length(received) else {
        return false;
    };
    if to_head {
        return true;
    }
    let head = String::from_utf8_lossy(&received[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.trim().parse().unwrap());
    received.len() >= end + length
}

/// The length of the head, once it is complete.
fn head_length(received: &[u8]) -> Option<usize> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(end + 4)
}

fn parse(asked: &str, received: &[u8]) -> Option<Response> {
    let end = head_length(received)?;
    let head = str::from_utf8(&received[..end]).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    Some(Response::new(asked, status, headers, received[end..].to_vec()))
}

/// Sends exactly these lines as the head, without a body.
pub fn head(address: SocketAddr, lines: &[&str]) -> Option<Response> {
    exchange(address, format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes())
}

/// Requests exactly this path, without normalization.
pub fn get(address: SocketAddr, method: &str, path: &str) -> Response {
    let request_line = format!("{method} {path} HTTP/1.1");
    let response = head(address, &[&request_line, "Host: localhost"]);
    response.unwrap_or_else(|| panic!("no response to {request_line}"))
}

/// A liveness request, after which the connection stays open.
pub const LIVE: &str = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Sends a liveness request on a connection that stays open, and returns whether the response is 200.
pub fn ask_live(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut chunk = [0; 4096];
    stream.write_all(LIVE.as_bytes()).is_ok()
        && stream
            .read(&mut chunk)
            .is_ok_and(|length| chunk[..length].starts_with(b"HTTP/1.1 200 "))
}
