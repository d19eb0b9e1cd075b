//! More logins than the service can process.

use std::thread;

use crate::harness::database::{Database, on_both_databases};
use crate::harness::measure::memory;
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, login};

on_both_databases!(other_requests_succeed_during_a_login_flood,);

/// The memory of one hash in these tests, in KiB.
const HASH: u64 = 65_536;

/// The peak memory of the service in KiB, on systems with `/proc`.
fn peak_memory(service: &Service) -> Option<u64> {
    memory(service.id(), "VmHWM")
}

fn other_requests_succeed_during_a_login_flood(database: &Database) {
    let service = Launch::on(database)
        .set("password.argon2.memory_kib", &HASH.to_string())
        .set("lane.workers", "1")
        .set("lane.queue", "2")
        .start();
    let mut grace = service.new_user("grace");
    let calm = peak_memory(&service);
    let responses: Vec<_> = thread::scope(|scope| {
        let logins: Vec<_> = (0..200)
            .map(|number| {
                let client = service.client();
                scope.spawn(move || {
                    let email = format!("nobody{number}@example.org");
                    let response = login(&client, &email, PASSWORD);
                    (email, response)
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
    let refused: Vec<_> = responses
        .iter()
        .filter(|(_, response)| response.status == 503)
        .collect();
    assert!(
        !refused.is_empty() && refused.len() < responses.len(),
        "{}",
        refused.len()
    );
    for (_, response) in &responses {
        match response.status {
            503 => response.problem(503, "overloaded"),
            _ => response.problem(401, "invalid-credentials"),
        };
    }
    // Hashing memory is reused: a flood needs no more than one login.
    if let (Some(before), Some(after)) = (calm, peak_memory(&service)) {
        assert!(after < before + 2 * HASH, "{before} KiB, then {after} KiB");
    }
    // Refused logins were not counted as attempts.
    for _ in 0..5 {
        login(&service.client(), &refused[0].0, PASSWORD).problem(401, "invalid-credentials");
    }
}
