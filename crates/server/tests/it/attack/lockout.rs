//! Locking the owner out of an account by failed logins.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::harness::measure::{Stopwatch, milliseconds, percentile};
use crate::harness::users::PASSWORD;

use super::password_guessing::{FREE, allowed};
use super::remote_client::{RemoteClient, run_concurrently};
use super::report::{ResponseCounts, Row};
use super::target::Target;

/// The number of concurrent attackers.
const AT_ONCE: usize = 8;

/// Failed logins at one account from many addresses while its owner logs in: from a network that the owner has logged
/// in from before, and from a new one.
pub fn of_the_owner(target: &Target<'_>) -> Vec<Row> {
    const ATTACK: &str = "locking an owner out by failed logins";
    let service = target.launch_at_full_cost().start();
    let email = "locked-out@example.org";
    let owner_at = |network, host| RemoteClient::at([127, 210, network, host], service.address());
    owner_at(7, 1).register(email, PASSWORD).ok(201);
    owner_at(7, 1).login(email, PASSWORD).ok(200);

    let mut random = target.random();
    let attempts = 20_000 * target.scale;
    let remotes: Vec<_> = (0..attempts)
        .map(|_| RemoteClient::at_random_address(&mut random, service.address()))
        .collect();
    let (is_over, refused) = (AtomicBool::new(false), AtomicUsize::new(0));
    let stopwatch = Stopwatch::start();
    let (responses, known, unknown) = thread::scope(|scope| {
        let attacker = scope.spawn(|| {
            run_concurrently(AT_ONCE, attempts, |number| {
                if is_over.load(Ordering::Relaxed) {
                    return None;
                }
                let response = remotes[number].login(email, "a wrong password");
                if response.status == 429 {
                    refused.fetch_add(1, Ordering::Relaxed);
                }
                Some(response)
            })
        });
        // By now the account is locked for unknown networks.
        while refused.load(Ordering::Relaxed) < 50 && !attacker.is_finished() {
            thread::sleep(Duration::from_millis(20));
        }
        let known: Vec<_> = (0..5)
            .map(|number| {
                let asked = Stopwatch::start();
                let response = owner_at(7, 100 + number).login(email, PASSWORD);
                (response, asked.read())
            })
            .collect();
        let unknown = owner_at(8, 1).login(email, PASSWORD);
        is_over.store(true, Ordering::Relaxed);
        (attacker.join().unwrap(), known, unknown)
    });
    let allowed = allowed(stopwatch.read());
    let counts = ResponseCounts::of(responses.iter().flatten());
    let verified = counts.count(401, "invalid-credentials");
    let times: Vec<_> = known.iter().map(|(_, time)| *time).collect();
    let in_at_once = known
        .iter()
        .filter(|(response, _)| response.status == 200)
        .count();
    vec![
        Row::new(
            ATTACK,
            "from a known network the owner is in at once",
            format!(
                "{in_at_once} of {} logins at the first try, p50 {}, worst {}",
                known.len(),
                milliseconds(percentile(&times, 50)),
                milliseconds(percentile(&times, 100)),
            ),
            in_at_once == known.len(),
        ),
        Row::new(
            ATTACK,
            "from an unknown one the owner is a remote",
            format!("{}, with a wait of {} s", unknown.status, unknown.retry_after()),
            unknown.status == 429,
        ),
        Row::new(
            ATTACK,
            format!("the owner's logins grant no attempts: {FREE} to {allowed} verified"),
            counts.to_string(),
            (FREE..=allowed).contains(&verified) && counts.count(200, "") == 0,
        ),
    ]
}
