//! More logins than the service can process, and the effect on other users.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::harness::client::Response;
use crate::harness::measure::{Micros, Random, SetOnDrop, Stopwatch, memory, milliseconds, percentile};
use crate::harness::service::Service;
use crate::harness::users::{PASSWORD, TestUser};

use super::remote_client::{RemoteClient, run_concurrently};
use super::report::{ResponseCounts, Row};
use super::target::Target;

/// The number of concurrent logins.
const AT_ONCE: usize = 200;
/// The number of existing accounts.
const ACCOUNTS: usize = 20;
/// The number of other users, each with a session.
const OTHERS: usize = 3;
/// The slowest allowed response to another user, on a busy machine.
const BOUND: Micros = 5_000_000;
/// The most memory that the flood may need beyond that of registering the accounts, in KiB: for connections, not for
/// hashes.
const MEMORY: u64 = 64 * 1024;

/// What other users observed: response times, and responses other than 200.
#[derive(Default)]
struct Seen {
    me: Vec<Micros>,
    refresh: Vec<Micros>,
    failed: Vec<Response>,
}

pub fn of_logins(target: &Target<'_>) -> Vec<Row> {
    let service = target.launch_at_full_cost().start();
    let mut random = target.random();
    let makers: Vec<_> = (0..ACCOUNTS)
        .map(|_| RemoteClient::at_random_address(&mut random, service.address()))
        .collect();
    run_concurrently(2, ACCOUNTS, |number| {
        makers[number].register(&account(number), PASSWORD).ok(201);
    });
    let mut others: Vec<_> = (0..OTHERS)
        .map(|number| service.new_user(&format!("beside-the-flood-{number}")))
        .collect();
    let read = |what| memory(service.id(), what);
    let lasts = 2_000_000 * Micros::try_from(target.scale).unwrap();
    let (idle, ()) = observe(target, &service, &mut others, || {
        thread::sleep(Duration::from_micros(lasts));
    });
    let (resident_idle, most_before) = (read("VmRSS"), read("VmHWM"));
    let seeds: Vec<_> = (0..AT_ONCE).map(|_| random.seed()).collect();
    let (flood, (responses, resident)) = observe(target, &service, &mut others, || {
        let stopwatch = Stopwatch::start();
        let responses = run_concurrently(AT_ONCE, AT_ONCE, |number| {
            let mut random = Random::new(seeds[number]);
            let mut responses = Vec::new();
            while responses.is_empty() || stopwatch.read() < lasts {
                let asked = stopwatch.read();
                let response = send_login(&service, &mut random);
                responses.push((response, stopwatch.read() - asked));
            }
            responses
        });
        (responses.into_iter().flatten().collect::<Vec<_>>(), read("VmRSS"))
    });
    let most = read("VmHWM");
    let counts = ResponseCounts::of(responses.iter().map(|(response, _)| response));
    let slowest = responses.iter().map(|(_, time)| *time).max().unwrap_or(0);
    let expected = [
        (200, ""),
        (401, "invalid-credentials"),
        (429, "too-many-attempts"),
        (503, "overloaded"),
    ];
    let in_mib = |kib: Option<u64>| kib.map_or("?".to_owned(), |kib| (kib / 1024).to_string());
    vec![
        Row::new(
            "a flood of logins, 200 at any time",
            "some are answered, the excess is refused with Retry-After",
            format!("{counts}; the slowest response after {}", milliseconds(slowest)),
            counts.is_only(&expected) && counts.count(200, "") > 0 && counts.count(503, "overloaded") > 0,
        ),
        unaffected("a flood of logins: others' me", &idle, &flood, |seen| &seen.me),
        unaffected("a flood of logins: others' refresh", &idle, &flood, |seen| {
            &seen.refresh
        }),
        Row::new(
            "a flood of logins: memory",
            format!("at most {} MiB more than before", MEMORY / 1024),
            format!(
                "resident {} MiB idle, {} in the flood; at most {} before, {} after",
                in_mib(resident_idle),
                in_mib(resident),
                in_mib(most_before),
                in_mib(most),
            ),
            most.zip(most_before)
                .is_none_or(|(after, before)| after <= before + MEMORY),
        ),
    ]
}

fn account(number: usize) -> String {
    format!("in-the-flood-{number}@example.org")
}

/// One login from a random address, to an existing or unknown account, with a right or wrong password.
fn send_login(service: &Service, random: &mut Random) -> Response {
    // Mostly unknown accounts: logins to the same account wait for each other.
    let email = match random.below(3) {
        0 => account(random.below(ACCOUNTS)),
        _ => format!("nobody-{}@example.org", random.below(1_000_000)),
    };
    let password = match random.below(10) {
        0 => "a wrong password",
        _ => PASSWORD,
    };
    RemoteClient::at_random_address(random, service.address()).login(&email, password)
}

/// Runs `happens`, and returns what other users observe meanwhile with its result.
fn observe<T>(
    target: &Target<'_>,
    service: &Service,
    others: &mut [TestUser],
    happens: impl FnOnce() -> T,
) -> (Seen, T) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watching: Vec<_> = others
            .iter_mut()
            .map(|other| {
                let mut random = target.random();
                let is_over = &is_over;
                scope.spawn(move || {
                    let mut seen = Seen::default();
                    while !is_over.load(Ordering::Relaxed) {
                        seen.look(service, other, &mut random);
                    }
                    seen
                })
            })
            .collect();
        let outcome = {
            let _over = SetOnDrop(&is_over);
            happens()
        };
        let mut all = Seen::default();
        for seen in watching {
            let seen = seen.join().unwrap();
            all.me.extend(seen.me);
            all.refresh.extend(seen.refresh);
            all.failed.extend(seen.failed);
        }
        (all, outcome)
    })
}

impl Seen {
    /// One request for the own identity, and one refresh.
    fn look(&mut self, service: &Service, user: &mut TestUser, random: &mut Random) {
        let stopwatch = Stopwatch::start();
        let me = RemoteClient::at_random_address(random, service.address()).me(&user.access());
        let asked = stopwatch.read();
        let pair = RemoteClient::at_random_address(random, service.address()).refresh(&user.refresh_token());
        self.me.push(asked);
        self.refresh.push(stopwatch.read() - asked);
        if pair.status == 200 {
            user.pair = pair.body();
        }
        self.failed
            .extend([me, pair].into_iter().filter(|response| response.status != 200));
        thread::sleep(Duration::from_millis(20));
    }
}

fn unaffected(attack: &'static str, idle: &Seen, flood: &Seen, of: impl Fn(&Seen) -> &Vec<Micros>) -> Row {
    let describe = |seen: &Seen| {
        let at = |percent| milliseconds(percentile(of(seen), percent));
        format!(
            "p50 {} p99 {} worst {} ({})",
            at(50),
            at(99),
            at(100),
            of(seen).len()
        )
    };
    let failed: Vec<_> = idle.failed.iter().chain(&flood.failed).collect();
    let failures = match failed.first() {
        Some(first) => format!("{} failed: {first:?}", failed.len()),
        None => "none failed".to_owned(),
    };
    Row::new(
        attack,
        format!("none fails, none takes {}", milliseconds(BOUND)),
        format!(
            "{failures}; idle {}, in the flood {}",
            describe(idle),
            describe(flood)
        ),
        failed.is_empty() && percentile(of(flood), 100) < BOUND,
    )
}
