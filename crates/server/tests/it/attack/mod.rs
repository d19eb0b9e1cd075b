//! Attacks on the program as it is run, on both databases, from addresses all over 127.0.0.0/8. Each is rows of a table:
//! what was tried, what has to come of it, what came of it. All of them must hold.
//!
//! `DOORWARD_ATTACK_SCALE` says how many times as long or as many as in an ordinary run of the tests (`just attack` has
//! ten), `DOORWARD_ATTACK_SEED` with which random numbers it begins. Addresses other than 127.0.0.1 want Linux.

mod conformance;
mod dodging;
mod forging;
mod guessing;
mod lockout;
mod report;
mod slow;
mod stage;
mod storm;
mod stranger;
mod telling;

use std::sync::Mutex;
use std::thread;

use crate::backing::{Backing, on_both};
use crate::measure::{Watch, say};

use report::{Row, table};
use stage::Stage;

on_both!(every_attack_fails);

/// An attack: what it says is its name, should it break off.
type Attack = (&'static str, fn(&Stage<'_>) -> Vec<Row>);

const ATTACKS: [Attack; 10] = [
    ("guesses from everywhere", guessing::from_everywhere),
    ("guesses at once", guessing::at_once),
    ("a lockout of the owner", lockout::of_the_owner),
    ("a storm of logins", storm::of_logins),
    ("one password for all", guessing::one_password_for_all),
    ("forged forwarding headers", dodging::by_forwarding),
    (
        "spellings of a path, a throttle",
        dodging::the_throttle_by_spelling,
    ),
    ("spellings of a path, guards", dodging::the_guards_by_spelling),
    ("forged tokens", forging::tokens),
    ("telling answers", telling::answers),
];

fn every_attack_fails(backing: &Backing) {
    let stage = Stage::set(backing);
    let times = Mutex::new(Vec::new());
    let run = |(name, attack): Attack| {
        let watch = Watch::start();
        let rows = thread::scope(|scope| scope.spawn(|| attack(&stage)).join());
        times
            .lock()
            .unwrap()
            .push(format!("{name} {} s", watch.read() / 1_000_000));
        rows.unwrap_or_else(|_| vec![Row::new(name, "an end", "it broke off, as is told above", false)])
    };
    let rows: Vec<_> = thread::scope(|scope| {
        // It does little but wait, so the others need not wait for it.
        let slow = scope.spawn(|| run(("slow clients", slow::heads_and_bodies)));
        let mut rows: Vec<_> = ATTACKS.into_iter().flat_map(run).collect();
        rows.extend(slow.join().unwrap());
        rows
    });
    let times = times.into_inner().unwrap().join(", ");
    say(&format!("{}\n{}it took: {times}", stage.title(), table(&rows)));
    let broken: Vec<_> = rows.iter().filter(|row| !row.holds).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}
