//! Slow clients.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::harness::measure::{Micros, Stopwatch, milliseconds, percentile};
use crate::harness::users::PASSWORD;

use super::remote_client::{RemoteClient, run_concurrently};
use super::report::Row;
use super::target::Target;

const CLIENTS: usize = 100;
/// The timeouts of a head and of a body.
const HEAD: Micros = 5_000_000;
const BODY: Micros = 10_000_000;
/// The delay that is tolerated on a busy machine.
const SLACK: Micros = 8_000_000;

const SLOW_HEAD: &str = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
const SLOW_BODY: &str = "POST /v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                         Content-Length: 1000\r\n\r\n";

/// A hundred clients that send a byte a second: half of them a head, half a body.
pub fn heads_and_bodies(target: &Target<'_>) -> Vec<Row> {
    let service = target.launch().start();
    let mut random = target.random();
    let remotes: Vec<_> = (0..CLIENTS)
        .map(|_| RemoteClient::at_random_address(&mut random, service.address()))
        .collect();
    let mut passer_by = || RemoteClient::at_random_address(&mut random, service.address());
    passer_by()
        .register("beside-the-slow@example.org", PASSWORD)
        .ok(201);
    let (times, served) = thread::scope(|scope| {
        let slow = scope.spawn(|| {
            run_concurrently(CLIENTS, CLIENTS, |number| {
                let begin = if number % 2 == 0 { SLOW_HEAD } else { SLOW_BODY };
                trickle(remotes[number].connect(), begin)
            })
        });
        let mut served = Vec::new();
        while !slow.is_finished() {
            let stopwatch = Stopwatch::start();
            let response = passer_by().login("beside-the-slow@example.org", PASSWORD);
            served.push((response.status, stopwatch.read()));
            thread::sleep(Duration::from_millis(200));
        }
        (slow.join().unwrap(), served)
    });
    let longest = |remainder| {
        let times = times.iter().skip(remainder).step_by(2);
        times.copied().max().unwrap()
    };
    let (head, body) = (longest(0), longest(1));
    let delays: Vec<_> = served.iter().map(|(_, delay)| *delay).collect();
    let deadline = |limit: Micros| format!("each is let go after {}", milliseconds(limit));
    vec![
        Row::new(
            "50 heads at a byte a second",
            deadline(HEAD),
            format!("the last one after {}", milliseconds(head)),
            head < HEAD + SLACK,
        ),
        Row::new(
            "50 bodies at a byte a second",
            deadline(BODY),
            format!("the last one after {}", milliseconds(body)),
            body < BODY + SLACK,
        ),
        Row::new(
            "logins of others beside slow clients",
            "all succeed",
            format!(
                "{} logins, p50 {}, worst {}",
                served.len(),
                milliseconds(percentile(&delays, 50)),
                milliseconds(percentile(&delays, 100))
            ),
            served.len() > 5 && served.iter().all(|(status, _)| *status == 200),
        ),
    ]
}

/// Sends `begin`, then a byte a second; returns the time until the server closes the connection.
fn trickle(mut stream: TcpStream, begin: &str) -> Micros {
    let stopwatch = Stopwatch::start();
    stream.write_all(begin.as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut chunk = [0; 1024];
    while stopwatch.read() < BODY + 2 * SLACK {
        // The read timeout is the pause between two bytes. A response, an end and a reset all count.
        let answered = stream.read(&mut chunk);
        if answered.is_ok() || stream.write_all(b"{").is_err() {
            break;
        }
    }
    stopwatch.read()
}
