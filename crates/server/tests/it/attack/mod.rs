//! Attacks on the running program, on both databases, from addresses all over 127.0.0.0/8. Each produces rows of a
//! table: the attack, the expectation, the outcome. All rows must hold.
//!
//! `DOORWARD_ATTACK_SCALE` multiplies duration and number of requests (`just attack` uses 10), `DOORWARD_ATTACK_SEED`
//! sets the seed. Addresses other than 127.0.0.1 need Linux.

mod account_enumeration;
mod conformance;
mod evasion;
mod forged_tokens;
mod lockout;
mod login_flood;
mod password_guessing;
mod remote_client;
mod report;
mod slow_clients;
mod target;

use std::sync::Mutex;
use std::thread;

use crate::harness::database::{Database, on_both_databases};
use crate::harness::measure::{Stopwatch, print_uncaptured};

use report::{Row, table};
use target::Target;

on_both_databases!(every_attack_fails);

/// An attack with its name, which is reported if it panics.
type Attack = (&'static str, fn(&Target<'_>) -> Vec<Row>);

const ATTACKS: [Attack; 10] = [
    (
        "attempts from many addresses",
        password_guessing::from_many_addresses,
    ),
    ("concurrent attempts", password_guessing::concurrently),
    ("a lockout of the owner", lockout::of_the_owner),
    ("a flood of logins", login_flood::of_logins),
    ("one password for all", password_guessing::one_password_for_all),
    ("forged forwarding headers", evasion::by_forwarding),
    (
        "spellings of a path, a throttle",
        evasion::the_throttle_by_spelling,
    ),
    ("spellings of a path, guards", evasion::the_guards_by_spelling),
    ("forged tokens", forged_tokens::tokens),
    ("account enumeration", account_enumeration::identical_responses),
];

fn every_attack_fails(database: &Database) {
    let target = Target::new(database);
    let times = Mutex::new(Vec::new());
    let run = |(name, attack): Attack| {
        let stopwatch = Stopwatch::start();
        let rows = thread::scope(|scope| scope.spawn(|| attack(&target)).join());
        times
            .lock()
            .unwrap()
            .push(format!("{name} {} s", stopwatch.read() / 1_000_000));
        rows.unwrap_or_else(|_| vec![Row::new(name, "no panic", "panicked, see above", false)])
    };
    let rows: Vec<_> = thread::scope(|scope| {
        // It mostly waits, so it runs beside the others.
        let slow = scope.spawn(|| run(("slow clients", slow_clients::heads_and_bodies)));
        let mut rows: Vec<_> = ATTACKS.into_iter().flat_map(run).collect();
        rows.extend(slow.join().unwrap());
        rows
    });
    let times = times.into_inner().unwrap().join(", ");
    print_uncaptured(&format!("{}\n{}it took: {times}", target.title(), table(&rows)));
    let broken: Vec<_> = rows.iter().filter(|row| !row.holds).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}
