//! More logins than there is time for, and what others notice of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::harness::client::Response;
use crate::harness::measure::{Micros, Random, SetOnDrop, Stopwatch, memory, milliseconds, percentile};
use crate::harness::service::Service;
use crate::harness::users::{PASSWORD, TestUser};

use super::remote_client::{RemoteClient, run_concurrently};
use super::report::{Row, Tally};
use super::target::Target;

/// How many log in at any time.
const AT_ONCE: usize = 200;
/// How many of the accounts are there.
const ACCOUNTS: usize = 20;
/// How many others there are, each with a session.
const OTHERS: usize = 3;
/// The slowest that a refresh or a look at oneself may be on a machine with much else to do.
const BOUND: Micros = 5_000_000;
/// How much more memory a storm may need than the accounts did that were made before it: for connections, not for
/// hashes, in KiB.
const MEMORY: u64 = 64 * 1024;

/// What others saw: how long things took, and what they were answered when that was not 200.
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
        .map(|number| service.new_user(&format!("beside-the-storm-{number}")))
        .collect();
    let read = |what| memory(service.id(), what);
    let lasts = 2_000_000 * Micros::try_from(target.scale).unwrap();
    let (idle, ()) = observe(target, &service, &mut others, || {
        thread::sleep(Duration::from_micros(lasts));
    });
    let (resident_idle, most_before) = (read("VmRSS"), read("VmHWM"));
    let seeds: Vec<_> = (0..AT_ONCE).map(|_| random.seed()).collect();
    let (storm, (responses, resident)) = observe(target, &service, &mut others, || {
        let stopwatch = Stopwatch::start();
        let responses = run_concurrently(AT_ONCE, AT_ONCE, |number| {
            let mut random = Random::new(seeds[number]);
            let mut responses = Vec::new();
            while responses.is_empty() || stopwatch.read() < lasts {
                let asked = stopwatch.read();
                let response = log_in(&service, &mut random);
                responses.push((response, stopwatch.read() - asked));
            }
            responses
        });
        (responses.into_iter().flatten().collect::<Vec<_>>(), read("VmRSS"))
    });
    let most = read("VmHWM");
    let tally = Tally::of(responses.iter().map(|(response, _)| response));
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
            "a storm of logins, 200 at any time",
            "some are answered, the excess is refused with Retry-After",
            format!("{tally}; the slowest response after {}", milliseconds(slowest)),
            tally.is_only(&expected) && tally.count(200, "") > 0 && tally.count(503, "overloaded") > 0,
        ),
        unaffected("a storm of logins: others' me", &idle, &storm, |seen| &seen.me),
        unaffected("a storm of logins: others' refresh", &idle, &storm, |seen| {
            &seen.refresh
        }),
        Row::new(
            "a storm of logins: memory",
            format!("at most {} MiB more than before", MEMORY / 1024),
            format!(
                "resident {} MiB idle, {} in the storm; at most {} before, {} after",
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
    format!("in-the-storm-{number}@example.org")
}

/// One login from somewhere, at some account that is there or is not, with the right password or a wrong one.
fn log_in(service: &Service, random: &mut Random) -> Response {
    // Most at accounts that nobody else logs in to: those who want the same one wait for each other.
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

/// What others see while something happens, and what came of that.
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
    /// One look of somebody who is logged in at who they are, and one refresh.
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

fn unaffected(attack: &'static str, idle: &Seen, storm: &Seen, of: impl Fn(&Seen) -> &Vec<Micros>) -> Row {
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
    let failed: Vec<_> = idle.failed.iter().chain(&storm.failed).collect();
    let failures = match failed.first() {
        Some(first) => format!("{} failed: {first:?}", failed.len()),
        None => "none failed".to_owned(),
    };
    Row::new(
        attack,
        format!("none fails, none takes {}", milliseconds(BOUND)),
        format!(
            "{failures}; idle {}, in the storm {}",
            describe(idle),
            describe(storm)
        ),
        failed.is_empty() && percentile(of(storm), 100) < BOUND,
    )
}
