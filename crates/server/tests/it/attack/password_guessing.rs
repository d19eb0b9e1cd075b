//! Password guessing: one account from many addresses, one account concurrently, one password for many accounts.

use std::collections::HashSet;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use crate::harness::client::Response;
use crate::harness::measure::{Micros, Stopwatch};
use crate::harness::users::PASSWORD;

use super::remote_client::{RemoteClient, run_concurrently};
use super::report::{ResponseCounts, Row};
use super::target::Target;

/// Failed attempts without a wait.
pub const FREE: usize = 5;
/// The wait after the last free attempt, in seconds; it doubles with each further attempt.
const FIRST_WAIT: u64 = 30;
/// The burst of one address, and the seconds until one more request is allowed.
const BURST: usize = 10;
const REFILL: u64 = 6;

/// The possible responses to a failed login.
const RESPONSES: [(u16, &str); 3] = [
    (401, "invalid-credentials"),
    (429, "too-many-attempts"),
    (503, "overloaded"),
];

/// The most attempts at one account that may be verified within this time.
pub fn allowed(time: Micros) -> usize {
    let (mut allowed, mut wait) = (FREE, FIRST_WAIT);
    let mut seconds = time / 1_000_000;
    while seconds >= wait {
        allowed += 1;
        seconds -= wait;
        wait *= 2;
    }
    allowed
}

fn seconds(time: Micros) -> String {
    format!("{}.{} s", time / 1_000_000, time % 1_000_000 / 100_000)
}

/// The number of failed logins in the audit log.
fn verified(target: &Target<'_>) -> usize {
    target.number("SELECT count(*) AS answer FROM events WHERE kind = 'login.failed'")
}

/// Attempts at one account, each from another address, with the right password among them.
pub fn from_many_addresses(target: &Target<'_>) -> Vec<Row> {
    const ATTACK: &str = "attempts at one account from many addresses";
    let service = target.launch_at_full_cost().start();
    let mut victim = service.new_user("attacked-from-many-addresses");
    let email = victim.email.clone();
    let count = 300 * target.scale;
    let mut random = target.random();
    // Not among the first ones, which are verified: counting cannot prevent an early lucky guess.
    let hidden = 50 + random.below(count - 50);
    let remotes: Vec<_> = (0..count)
        .map(|_| RemoteClient::at_random_address(&mut random, service.address()))
        .collect();
    let addresses: HashSet<_> = remotes.iter().map(|remote| remote.from).collect();
    let stopwatch = Stopwatch::start();
    let verified_before = verified(target);
    let mut refreshes = 0;
    let responses: Vec<Response> = thread::scope(|scope| {
        let attempts = scope.spawn(|| {
            run_concurrently(16, count, |number| {
                let guess = format!("password guess {number}");
                let password = if number == hidden { PASSWORD } else { &guess };
                remotes[number].login(&email, password)
            })
        });
        while !attempts.is_finished() {
            victim.refresh();
            victim.client().get("/v1/auth/me").ok(200);
            refreshes += 1;
            thread::sleep(Duration::from_millis(500));
        }
        attempts.join().unwrap()
    });
    let time = stopwatch.read();
    victim.refresh();
    let (counts, allowed) = (ResponseCounts::of(&responses), allowed(time));
    let reported = counts.count(401, "invalid-credentials");
    let logged = verified(target) - verified_before;
    vec![
        Row::new(
            ATTACK,
            format!("{FREE} to {allowed} verified in {}", seconds(time)),
            format!(
                "{counts}, {logged} verified by the audit log; {} addresses, {} attempts a second",
                addresses.len(),
                u64::try_from(count).unwrap() * 1_000_000 / time,
            ),
            counts.is_only(&RESPONSES) && reported == logged && (FREE..=allowed).contains(&reported),
        ),
        Row::new(
            ATTACK,
            "the right password is among them and not found",
            format!(
                "attempt {hidden} of {count} was right: {}",
                responses[hidden].status
            ),
            responses[hidden].status != 200 && counts.count(200, "") == 0,
        ),
        Row::new(
            ATTACK,
            "the victim's session continues",
            format!("{refreshes} times refresh and me meanwhile, all 200"),
            refreshes > 0,
        ),
    ]
}

/// A hundred concurrent attempts at one account, on two instances.
pub fn concurrently(target: &Target<'_>) -> Vec<Row> {
    const ATTEMPTS: usize = 100;
    let services = [
        target.launch_at_full_cost().start(),
        target.launch_at_full_cost().start(),
    ];
    let mut random = target.random();
    let (mut worst, mut all_hold, mut last) = (0, true, String::new());
    for round in 0..target.scale {
        let email = format!("attacked-concurrently-{round}@example.org");
        let remotes: Vec<_> = (0..ATTEMPTS)
            .map(|number| RemoteClient::at_random_address(&mut random, services[number % 2].address()))
            .collect();
        // From elsewhere: attempts from the owner's address have a count of their own.
        RemoteClient::at_random_address(&mut random, services[0].address())
            .register(&email, PASSWORD)
            .ok(201);
        let (stopwatch, start) = (Stopwatch::start(), Barrier::new(ATTEMPTS));
        let responses = run_concurrently(ATTEMPTS, ATTEMPTS, |number| {
            start.wait();
            remotes[number].login(&email, &format!("password guess {number}"))
        });
        let counts = ResponseCounts::of(&responses);
        let verified = counts.count(401, "invalid-credentials");
        all_hold &= counts.is_only(&RESPONSES) && (FREE..=allowed(stopwatch.read())).contains(&verified);
        worst = worst.max(verified);
        last = counts.to_string();
    }
    vec![Row::new(
        "100 concurrent attempts at one account, on two instances",
        format!("{FREE} verified"),
        format!("at most {worst} in {} rounds; the last: {last}", target.scale),
        all_hold,
    )]
}

/// One common password tried at many accounts, from one address and from many.
pub fn one_password_for_all(target: &Target<'_>) -> Vec<Row> {
    let accounts = (60 * target.scale).min(500);
    // Few addresses at scale 1: each allowed attempt costs a hash.
    let addresses = (10 * target.scale).min(50);
    let spray = |attack, network: u8, addresses: usize, each: usize| {
        let service = target.launch().start();
        let stopwatch = Stopwatch::start();
        let responses = run_concurrently(16, addresses * each, |number| {
            let host = u8::try_from(1 + number % addresses).unwrap();
            let email = format!("sprayed-from-{network}-{number}@example.org");
            RemoteClient::at([127, 201, network, host], service.address()).login(&email, "Password123!")
        });
        let time = stopwatch.read();
        let allowed_each = BURST + usize::try_from(time / 1_000_000 / REFILL).unwrap() + 1;
        let counts = ResponseCounts::of(&responses);
        let tried = counts.count(401, "invalid-credentials");
        Row::new(
            attack,
            format!("an address tries {BURST} to {allowed_each}"),
            format!(
                "{tried} of {} accounts tried, from {addresses} in {}: {counts}",
                addresses * each,
                seconds(time)
            ),
            counts.is_only(&[(401, "invalid-credentials"), (429, "rate-limited")])
                && (BURST * addresses..=allowed_each * addresses).contains(&tried),
        )
    };
    vec![
        spray("one password, many accounts, one address", 1, 1, accounts),
        spray(
            "one password, many accounts, many addresses",
            2,
            addresses,
            2 * BURST,
        ),
    ]
}
