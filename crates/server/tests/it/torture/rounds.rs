//! The rounds: clients act while instances are killed, then every session is tried again, then histories are checked.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::backing::Backing;
use crate::measure::{Dice, Micros, say};
use crate::people::register;

use super::checker::{Policy, check};
use super::client::{Actor, Round};
use super::history::{Record, by_session, odd_answers};
use super::world::{GRACE, World};

const CLIENTS: usize = 50;
const USERS: usize = 10;
/// How many rounds there are when nobody says.
const ROUNDS: usize = 2;
/// After how many rounds it is told how far the run is.
const TOLD_EVERY: usize = 10;
/// How long clients act in a round.
const ACTING: Duration = Duration::from_millis(2000);

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
fn histories_of_two_instances_on_one_database_are_those_of_correct_sessions() {
    if let Some(backing) = Backing::postgres() {
        torture("two instances on PostgreSQL", &backing, 2);
    }
}

#[test]
fn histories_of_one_instance_on_sqlite_are_those_of_correct_sessions() {
    torture("one instance on SQLite", &Backing::sqlite(), 1);
}

/// What was done in all rounds.
#[derive(Default)]
struct Tally {
    kinds: BTreeMap<&'static str, usize>,
    sessions: usize,
    ended: usize,
    unknown: usize,
    unavailable: usize,
}

impl Tally {
    fn count(&mut self, records: &[Record]) {
        for record in records {
            *self.kinds.entry(record.deed.kind()).or_default() += 1;
            match record.status {
                None => self.unknown += 1,
                Some(503) => self.unavailable += 1,
                Some(_) => {}
            }
        }
    }
}

fn torture(name: &str, backing: &Backing, instances: usize) {
    let number = |variable| std::env::var(variable).ok().map(|text| text.parse().unwrap());
    let rounds = number("DOORWARD_TORTURE_ROUNDS").map_or(ROUNDS, |rounds| usize::try_from(rounds).unwrap());
    let seed: u64 = number("DOORWARD_TORTURE_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let mut dice = Dice::new(seed);
    let world = World::new(backing, instances);
    let mut tally = Tally::default();
    for round in 0..rounds {
        let (records, sessions, ended) = play(&world, round, &mut dice);
        tally.count(&records);
        tally.sessions += sessions;
        tally.ended += ended;
        judge(&world, &records, seed, round);
        if (round + 1) % TOLD_EVERY == 0 && round + 1 < rounds {
            say(&format!(
                "torture, {name}: {} of {rounds} rounds, no violation",
                round + 1
            ));
        }
    }
    let (kills, operations) = (world.outages().len(), tally.kinds.values().sum::<usize>());
    let Tally {
        kinds,
        sessions,
        ended,
        unknown,
        unavailable,
    } = tally;
    say(&format!(
        "torture, {name}: {rounds} rounds (seed {seed}), {operations} operations {kinds:?}, {sessions} sessions of which \
         {ended} ended, {kills} kills, {unknown} unknown outcomes, {unavailable} answers 503 in an outage; no violation",
    ));
}

/// One round: what was done in it, how many sessions there were, and how many of them ended.
fn play(world: &World, number: usize, dice: &mut Dice) -> (Vec<Record>, usize, usize) {
    let client = crate::client::Client::new(world.any_serving(dice).1.address);
    let users: Vec<_> = (0..USERS)
        .map(|user| format!("user-{user}-of-{number}@example.org"))
        .collect();
    for email in &users {
        register(&client, email);
    }
    let round = Round {
        world,
        users,
        sessions: Mutex::default(),
        until: world.watch.read() + micros(ACTING),
    };
    let mut actors: Vec<_> = (0..CLIENTS)
        .map(|number| Actor::new(&round, number, Dice::new(dice.seed())))
        .collect();
    for (user, actor) in actors.iter_mut().enumerate().take(USERS) {
        actor.login(user, false);
    }
    let is_over = AtomicBool::new(false);
    let mut kills = Dice::new(dice.seed());
    thread::scope(|scope| {
        let killer = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(
                    300 + u64::try_from(kills.below(900)).unwrap(),
                ));
                world.kill_and_restart(kills.below(world.size()));
            }
        });
        let acting: Vec<_> = actors.iter_mut().map(|a| scope.spawn(|| a.act())).collect();
        let ends: Vec<_> = acting.into_iter().map(thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Relaxed);
        killer.join().unwrap();
        assert!(
            ends.iter().all(Result::is_ok),
            "a client met something impossible"
        );
    });
    try_all_again(&round, &mut actors);
    for instance in 0..world.size() {
        world.kill_and_restart(instance);
        ask_first(&round, &mut actors, instance);
    }
    let sessions = round.sessions.lock().unwrap();
    let ended = sessions.iter().filter(|(held, _)| held.is_over()).count();
    let records = actors.into_iter().flat_map(|actor| actor.records).collect();
    (records, sessions.len(), ended)
}

/// Presents the latest token of every session, and of every other one then the first, as a thief would; and when the
/// bound has passed, an access token of each to every instance, and the latest refresh token again.
fn try_all_again(round: &Round<'_>, actors: &mut [Actor<'_>]) {
    let sessions = round.sessions.lock().unwrap().clone();
    let share = |number: usize| {
        let sessions = sessions.iter().enumerate();
        sessions.filter(move |(place, _)| place % CLIENTS == number)
    };
    thread::scope(|scope| {
        for (number, actor) in actors.iter_mut().enumerate() {
            scope.spawn(move || {
                for (place, (held, _)) in share(number) {
                    actor.refresh(held, 0);
                    if place % 2 == 0 {
                        actor.refresh(held, usize::MAX - 1);
                        actor.refresh(held, 0);
                    }
                }
            });
        }
    });
    thread::sleep(Duration::from_micros(POLICY.bound));
    thread::scope(|scope| {
        for (number, actor) in actors.iter_mut().enumerate() {
            scope.spawn(move || {
                for (_, (held, _)) in share(number) {
                    let tokens = held.tokens();
                    for instance in 0..round.world.size() {
                        actor.me_on(instance, held, &tokens[0].access);
                        actor.me_on(instance, held, &tokens[tokens.len() - 1].access);
                    }
                    actor.refresh(held, 0);
                }
            });
        }
    });
}

/// Presents an access token of every session to an instance that has just been started, and may not have read anything.
fn ask_first(round: &Round<'_>, actors: &mut [Actor<'_>], instance: usize) {
    let sessions = round.sessions.lock().unwrap().clone();
    thread::scope(|scope| {
        for (actor, share) in actors
            .iter_mut()
            .zip(sessions.chunks(sessions.len().div_ceil(CLIENTS)))
        {
            scope.spawn(move || {
                for (held, _) in share {
                    actor.me_on(instance, held, &held.tokens()[0].access);
                }
            });
        }
    });
}

/// Fails with everything that is wrong with what was seen, and with what came before it.
fn judge(world: &World, records: &[Record], seed: u64, round: usize) {
    let mut complaints = odd_answers(records, &world.outages());
    for (session, events) in by_session(records) {
        let violations = check(&events, POLICY);
        if !violations.is_empty() {
            complaints.push(format!("session {session}: {violations:#?}\nits history:"));
            complaints.extend(events.iter().map(|event| format!("  {event:?}")));
        }
    }
    if !complaints.is_empty() {
        for instance in 0..world.size() {
            let log = world.log(instance);
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
