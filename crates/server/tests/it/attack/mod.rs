//! Attacks on the program as it is run, on both databases, from addresses all over 127.0.0.0/8. Each is rows of a table:
//! what was tried, what has to come of it, what came of it. All of them must hold.
//!
//! `DOORWARD_ATTACK_SCALE` says how many times as long or as many as in an ordinary run of the tests (`just attack` has
//! ten), `DOORWARD_ATTACK_SEED` with which random numbers it begins. Addresses other than 127.0.0.1 want Linux.

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

/// An attack: what it says is its name, should it break off.
type Attack = (&'static str, fn(&Target<'_>) -> Vec<Row>);

const ATTACKS: [Attack; 10] = [
    ("guesses from everywhere", password_guessing::from_everywhere),
    ("guesses at once", password_guessing::at_once),
    ("a lockout of the owner", lockout::of_the_owner),
    ("a storm of logins", login_flood::of_logins),
    ("one password for all", password_guessing::one_password_for_all),
    ("forged forwarding headers", evasion::by_forwarding),
    (
        "spellings of a path, a throttle",
        evasion::the_throttle_by_spelling,
    ),
    ("spellings of a path, guards", evasion::the_guards_by_spelling),
    ("forged tokens", forged_tokens::tokens),
    ("telling responses", account_enumeration::responses),
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
        rows.unwrap_or_else(|_| vec![Row::new(name, "an end", "it broke off, as is told above", false)])
    };
    let rows: Vec<_> = thread::scope(|scope| {
        // It does little but wait, so the others need not wait for it.
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
