//! Refreshing, explored exhaustively.
//!
//! The decision is the domain's own. Around it, `protocol` has one session in a store, requests whose steps (read and
//! decide, write, commit, deliver) interleave in every order, a crash or a loss after each of them, the passing of time
//! between them, owners and a thief. `stateright` visits every state that can be reached and tries every property in it.
//! What bounds it: three rotations, two or three requests at once, requests that the server gives up in time.
//!
//! A model that finds nothing might look at nothing: so the number of states is held, everything interesting has to be
//! reached, and each of the defects that others have had, planted, has to be found.

mod properties;
mod protocol;
mod steps;

use std::io::Write as _;
use std::thread;

use stateright::{Checker, HasDiscoveries, Model as _};

use self::properties::{
    ACKNOWLEDGED_WORKS, CAREFUL_OWNER_STAYS, NOT_AHEAD, ONE_LINEAGE, STALE_IS_FOUND, STAYS_ENDED,
};
use self::protocol::{Defect, Holder, Protocol};

/// Two tabs that share what they keep, or one that is impatient.
const OWNER: Protocol = Protocol {
    holders: &[Holder::Owner],
    at_once: 3,
    grace: 2,
    idle: 3,
    life: None,
    careful: true,
    defect: None,
};
/// Two tabs, each with a copy of its own.
const TWO_COPIES: Protocol = Protocol {
    holders: &[Holder::Owner, Holder::Owner],
    at_once: 2,
    ..OWNER
};
/// An owner, and somebody who copies the token at some time. Neither keeps to anything.
const THIEF: Protocol = Protocol {
    holders: &[Holder::Owner, Holder::Thief],
    at_once: 2,
    careful: false,
    ..OWNER
};

fn check(protocol: Protocol, finish: HasDiscoveries) -> impl Checker<Protocol> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    protocol
        .checker()
        .threads(cores)
        .finish_when(finish)
        .spawn_bfs()
        .join()
}

/// Visits every state of a protocol, of which there are at least so many, and asserts every property.
fn explore(name: &str, protocol: Protocol, at_least: usize) {
    let checker = check(protocol, HasDiscoveries::All);
    let states = checker.unique_state_count();
    // Past the capture of the test harness; a standard error that is closed must not fail the test.
    let _ = writeln!(std::io::stderr(), "{name}: {states} states");
    checker.assert_properties();
    assert!(
        states >= at_least,
        "{name}: {states} states, at least {at_least} expected"
    );
}

/// Plants a defect, and asserts that this property does not hold any more.
fn assert_found(protocol: Protocol, defect: Defect, property: &'static str) {
    let planted = Protocol {
        defect: Some(defect),
        ..protocol
    };
    let checker = check(planted, HasDiscoveries::AnyOf([property].into()));
    assert!(checker.discovery(property).is_some(), "{defect:?} is not found");
}

#[test]
fn an_owner_alone() {
    explore("an owner, three requests at once", OWNER, 61_000);
}

#[test]
fn an_owner_alone_without_a_grace_window() {
    explore("an owner, no grace", Protocol { grace: 0, ..OWNER }, 17_000);
}

#[test]
fn an_owner_alone_until_the_session_is_too_old() {
    explore(
        "an owner, until old age",
        Protocol {
            at_once: 2,
            life: Some(4),
            ..OWNER
        },
        34_000,
    );
}

#[test]
fn two_tabs_with_a_copy_each() {
    explore("two copies", TWO_COPIES, 44_000);
}

#[test]
fn an_owner_and_a_thief() {
    explore("an owner and a thief", THIEF, 280_000);
}

#[test]
fn an_owner_and_a_thief_without_a_grace_window() {
    explore(
        "an owner and a thief, no grace",
        Protocol { grace: 0, ..THIEF },
        170_000,
    );
}

#[test]
fn a_session_revived_by_the_grace_clock_is_found() {
    assert_found(THIEF, Defect::RevivedByTheGraceClock, STAYS_ENDED);
}

#[test]
fn an_unconditional_update_is_found() {
    for property in [ONE_LINEAGE, NOT_AHEAD, ACKNOWLEDGED_WORKS] {
        assert_found(THIEF, Defect::UnconditionalUpdate, property);
    }
}

#[test]
fn a_replay_rolled_back_with_its_refusal_is_found() {
    assert_found(THIEF, Defect::ReplayRolledBack, STAYS_ENDED);
}

#[test]
fn a_grace_that_is_measured_from_the_last_use_is_found() {
    assert_found(THIEF, Defect::GraceFromLastUse, STALE_IS_FOUND);
}

#[test]
fn a_loser_of_a_race_who_is_turned_away_is_found() {
    assert_found(OWNER, Defect::LoserTurnedAway, CAREFUL_OWNER_STAYS);
}
