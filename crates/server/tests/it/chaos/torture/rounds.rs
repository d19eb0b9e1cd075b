//! The rounds: clients work while instances are killed, then every session is tried again, then the histories are
//! checked.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::harness::database::Database;
use crate::harness::measure::{Micros, Random, print_uncaptured};
use crate::harness::users::register;

use super::checker::{Policy, check};
use super::cluster::{Cluster, GRACE};
use super::history::{Record, by_session, unexpected_responses};
use super::random_client::{RandomClient, Round};

const CLIENTS: usize = 50;
const USERS: usize = 10;
/// The default number of rounds.
const ROUNDS: usize = 2;
/// The number of rounds between progress reports.
const REPORT_EVERY: usize = 10;
/// How long clients work in a round.
const ROUND_DURATION: Duration = Duration::from_millis(2000);

const POLICY: Policy = Policy {
    grace: micros(GRACE),
    bound: 1_000_000,
    margin: 20_000,
};

#[expect(
    clippy::cast_possible_truncation,
    reason = "half a million years of microseconds fit"
)]
const fn micros(duration: Duration) -> Micros {
    duration.as_micros() as Micros
}

#[test]
fn random_operations_on_two_postgres_instances_are_consistent() {
    if let Some(database) = Database::postgres() {
        torture("two instances on PostgreSQL", &database, 2);
    }
}

#[test]
fn random_operations_on_one_sqlite_instance_are_consistent() {
    torture("one instance on SQLite", &Database::sqlite(), 1);
}

/// Counts over all rounds.
#[derive(Default)]
struct Totals {
    kinds: BTreeMap<&'static str, usize>,
    sessions: usize,
    ended: usize,
    unknown: usize,
    unavailable: usize,
}

impl Totals {
    fn count(&mut self, records: &[Record]) {
        for record in records {
            *self.kinds.entry(record.operation.kind()).or_default() += 1;
            match record.status {
                None => self.unknown += 1,
                Some(503) => self.unavailable += 1,
                Some(_) => {}
            }
        }
    }
}

fn torture(name: &str, database: &Database, instances: usize) {
    let number = |variable| std::env::var(variable).ok().map(|text| text.parse().unwrap());
    let rounds = number("DOORWARD_TORTURE_ROUNDS").map_or(ROUNDS, |rounds| usize::try_from(rounds).unwrap());
    let seed: u64 = number("DOORWARD_TORTURE_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let mut random = Random::new(seed);
    let cluster = Cluster::new(database, instances);
    let mut totals = Totals::default();
    for round in 0..rounds {
        let (records, sessions, ended) = play(&cluster, round, &mut random);
        totals.count(&records);
        totals.sessions += sessions;
        totals.ended += ended;
        judge(&cluster, &records, seed, round);
        if (round + 1) % REPORT_EVERY == 0 && round + 1 < rounds {
            print_uncaptured(&format!(
                "torture, {name}: {} of {rounds} rounds, no violation",
                round + 1
            ));
        }
    }
    let (kills, operations) = (cluster.outages().len(), totals.kinds.values().sum::<usize>());
    let Totals {
        kinds,
        sessions,
        ended,
        unknown,
        unavailable,
    } = totals;
    print_uncaptured(&format!(
        "torture, {name}: {rounds} rounds (seed {seed}), {operations} operations {kinds:?}, {sessions} sessions of which \
         {ended} ended, {kills} kills, {unknown} unknown outcomes, {unavailable} responses 503 in an outage; no violation",
    ));
}

/// Plays one round; returns its records, the number of sessions, and how many of them ended.
fn play(cluster: &Cluster, number: usize, random: &mut Random) -> (Vec<Record>, usize, usize) {
    let client = crate::harness::client::Client::new(cluster.any_serving(random).1.address);
    let users: Vec<_> = (0..USERS)
        .map(|user| format!("user-{user}-of-{number}@example.org"))
        .collect();
    for email in &users {
        register(&client, email);
    }
    let round = Round {
        cluster,
        users,
        sessions: Mutex::default(),
        until: cluster.stopwatch.read() + micros(ROUND_DURATION),
    };
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|number| RandomClient::new(&round, number, Random::new(random.seed())))
        .collect();
    for (user, client) in clients.iter_mut().enumerate().take(USERS) {
        client.login(user, false);
    }
    let is_over = AtomicBool::new(false);
    let mut kills = Random::new(random.seed());
    thread::scope(|scope| {
        let killer = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(
                    300 + u64::try_from(kills.below(900)).unwrap(),
                ));
                cluster.kill_and_restart(kills.below(cluster.size()));
            }
        });
        let running: Vec<_> = clients.iter_mut().map(|a| scope.spawn(|| a.run())).collect();
        let results: Vec<_> = running.into_iter().map(thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Relaxed);
        killer.join().unwrap();
        assert!(results.iter().all(Result::is_ok), "a client panicked");
    });
    try_all_again(&round, &mut clients);
    for instance in 0..cluster.size() {
        cluster.kill_and_restart(instance);
        ask_first(&round, &mut clients, instance);
    }
    let sessions = round.sessions.lock().unwrap();
    let ended = sessions.iter().filter(|(held, _)| held.is_over()).count();
    let records = clients.into_iter().flat_map(|client| client.records).collect();
    (records, sessions.len(), ended)
}

/// Presents the latest token of every session, and to every other one then the first token, as a thief would; after the
/// bound, an access token of each to every instance, and the latest refresh token again.
fn try_all_again(round: &Round<'_>, clients: &mut [RandomClient<'_>]) {
    let sessions = round.sessions.lock().unwrap().clone();
    let share = |number: usize| {
        let sessions = sessions.iter().enumerate();
        sessions.filter(move |(place, _)| place % CLIENTS == number)
    };
    thread::scope(|scope| {
        for (number, client) in clients.iter_mut().enumerate() {
            scope.spawn(move || {
                for (place, (held, _)) in share(number) {
                    client.refresh(held, 0);
                    if place % 2 == 0 {
                        client.refresh(held, usize::MAX - 1);
                        client.refresh(held, 0);
                    }
                }
            });
        }
    });
    thread::sleep(Duration::from_micros(POLICY.bound));
    thread::scope(|scope| {
        for (number, client) in clients.iter_mut().enumerate() {
            scope.spawn(move || {
                for (_, (held, _)) in share(number) {
                    let tokens = held.tokens();
                    for instance in 0..round.cluster.size() {
                        client.me_on(instance, held, &tokens[0].access);
                        client.me_on(instance, held, &tokens[tokens.len() - 1].access);
                    }
                    client.refresh(held, 0);
                }
            });
        }
    });
}

/// Presents an access token of every session to an instance that has just been started.
fn ask_first(round: &Round<'_>, clients: &mut [RandomClient<'_>], instance: usize) {
    let sessions = round.sessions.lock().unwrap().clone();
    thread::scope(|scope| {
        for (client, share) in clients
            .iter_mut()
            .zip(sessions.chunks(sessions.len().div_ceil(CLIENTS)))
        {
            scope.spawn(move || {
                for (held, _) in share {
                    client.me_on(instance, held, &held.tokens()[0].access);
                }
            });
        }
    });
}

/// Fails with all violations, and the histories that led to them.
fn judge(cluster: &Cluster, records: &[Record], seed: u64, round: usize) {
    let mut complaints = unexpected_responses(records, &cluster.outages());
    for (session, events) in by_session(records) {
        let violations = check(&events, POLICY);
        if !violations.is_empty() {
            complaints.push(format!("session {session}: {violations:#?}\nits history:"));
            complaints.extend(events.iter().map(|event| format!("  {event:?}")));
        }
    }
    if !complaints.is_empty() {
        for instance in 0..cluster.size() {
            let log = cluster.log(instance);
            let errors = log.lines().filter(|line| line.contains("ERROR")).take(20);
            complaints.extend(errors.map(|line| format!("instance {instance} logged: {line}")));
        }
    }
    let shown: Vec<_> = complaints.iter().take(120).map(String::as_str).collect();
    assert!(
        complaints.is_empty(),
        "seed {seed}, round {round}, {} lines:\n{}",
        complaints.len(),
        shown.join("\n")
    );
}
