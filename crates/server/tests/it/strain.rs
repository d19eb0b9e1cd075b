//! More than there is time or memory for: storms of logins, hashes that cost too much, clients that take their time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::backing::{Backing, on_both};
use crate::measure::memory;
use crate::people::{PASSWORD, login};
use crate::service::{Launch, Service};

on_both!(
    a_hash_of_too_little_or_too_much_cost_is_not_left_so,
    a_storm_of_logins_takes_nothing_else_down,
);

/// The memory of one hash in these tests, in KiB.
const HASH: u64 = 65_536;

/// The most memory the service has had so far, in KiB, where the system tells.
fn peak_memory(service: &Service) -> Option<u64> {
    memory(service.id(), "VmHWM")
}

/// Lesson 20.
fn a_hash_of_too_little_or_too_much_cost_is_not_left_so(backing: &Backing) {
    let weak = Service::on(backing);
    let grace = weak.person("grace");
    let with_cost = |memory: u32| {
        let like = format!("password_digest LIKE '$argon2id$v=19$m={memory},t=1,p=1$%'");
        let sql = format!("SELECT count(*) AS answer FROM users WHERE {like}");
        backing.database().number(&sql)
    };
    assert_eq!((with_cost(1024), with_cost(2048)), (1, 0));
    drop(weak);

    let strong = Launch::on(backing)
        .set("password.argon2.memory_kib", "2048")
        .start();
    login(&strong.client(), &grace.email, "a wrong password").problem(401, "invalid-credentials");
    assert_eq!((with_cost(1024), with_cost(2048)), (1, 0));
    login(&strong.client(), &grace.email, PASSWORD).ok(200);
    assert_eq!((with_cost(1024), with_cost(2048)), (0, 1));
    login(&strong.client(), &grace.email, PASSWORD).ok(200);

    let cost = "replace(password_digest, '$m=2048,', '$m=4194304,')";
    let planted = backing
        .database()
        .execute(&format!("UPDATE users SET password_digest = {cost}"));
    assert_eq!(planted, 1);
    login(&strong.client(), &grace.email, PASSWORD).problem(401, "invalid-credentials");
    assert!(peak_memory(&strong).is_none_or(|peak| peak < 512 * 1024));
}

/// Lesson 21.
fn a_storm_of_logins_takes_nothing_else_down(backing: &Backing) {
    let service = Launch::on(backing)
        .set("password.argon2.memory_kib", &HASH.to_string())
        .set("lane.workers", "1")
        .set("lane.queue", "2")
        .start();
    let mut grace = service.person("grace");
    let calm = peak_memory(&service);
    let answers: Vec<_> = thread::scope(|scope| {
        let logins: Vec<_> = (0..200)
            .map(|number| {
                let client = service.client();
                scope.spawn(move || {
                    let email = format!("nobody{number}@example.org");
                    let answer = login(&client, &email, PASSWORD);
                    (email, answer)
                })
            })
            .collect();
        while logins.iter().any(|login| !login.is_finished()) {
            grace.refresh();
            grace.client().get("/v1/auth/me").ok(200);
            grace.client().get("/v1/account").ok(200);
        }
        logins.into_iter().map(|login| login.join().unwrap()).collect()
    });
    let refused: Vec<_> = answers
        .iter()
        .filter(|(_, answer)| answer.status == 503)
        .collect();
    assert!(
        !refused.is_empty() && refused.len() < answers.len(),
        "{}",
        refused.len()
    );
    for (_, answer) in &answers {
        match answer.status {
            503 => answer.problem(503, "overloaded"),
            _ => answer.problem(401, "invalid-credentials"),
        };
    }
    // A hash is run in memory that is kept: a storm needs no more of it than one login.
    if let (Some(before), Some(after)) = (calm, peak_memory(&service)) {
        assert!(after < before + 2 * HASH, "{before} KiB, then {after} KiB");
    }
    // What was refused was not a guess.
    for _ in 0..5 {
        login(&service.client(), &refused[0].0, PASSWORD).problem(401, "invalid-credentials");
    }
}

/// A byte a second is not slow enough to be let go on for ever, neither for a head nor for a body.
#[test]
fn a_client_that_takes_its_time_is_not_waited_for() {
    let backing = Backing::sqlite();
    let service = Service::on(&backing);
    let head = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    let post = "POST /v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n";
    let trickle = |begin: &str| {
        let mut stream = TcpStream::connect(service.address()).unwrap();
        stream.write_all(begin.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let mut chunk = [0; 1024];
        for _ in 0..20 {
            // The wait for an answer is the pause between two bytes.
            if let Ok(length) = stream.read(&mut chunk) {
                return String::from_utf8_lossy(&chunk[..length]).into_owned();
            }
            if stream.write_all(b"{").is_err() {
                return String::new();
            }
        }
        panic!("somebody was waited for");
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
