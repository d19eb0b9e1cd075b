//! The refresh protocol, explored exhaustively.
//!
//! The decision is the domain's own. Around it, `protocol` models one session in a store, requests whose steps (read
//! and decide, write, commit, deliver) interleave in every order, a crash or a loss after each of them, passing time,
//! owners and a thief. `stateright` visits every reachable state and checks every property in it. The bounds: three
//! rotations, two or three concurrent requests, and a request timeout.
//!
//! A model that finds nothing might explore nothing: so a minimum number of states is asserted, interesting states have
//! to be reached, and each planted defect has to be detected.

mod properties;
mod protocol;
mod steps;

use std::io::Write as _;
use std::thread;

use stateright::{Checker, HasDiscoveries, Model as _};

use self::properties::{
    ACKNOWLEDGED_WORKS, CAREFUL_OWNER_STAYS, NOT_AHEAD, ONE_LINEAGE, REPEATS_ARE_BOUNDED, STALE_IS_FOUND,
    STAYS_ENDED, STRANGER_IS_FOUND,
};
use self::protocol::{Defect, Holder, Protocol};

/// Two tabs that share their storage, or one with retries.
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
/// An owner, and a thief who copies the token at some time. Neither follows the rules for clients.
const THIEF: Protocol = Protocol {
    holders: &[Holder::Owner, Holder::Thief],
    at_once: 2,
    careful: false,
    ..OWNER
};
/// The same with a thief in another network, who has copied what the owner's client calls itself.
const NEARBY_THIEF: Protocol = Protocol {
    holders: &[Holder::Owner, Holder::NearbyThief],
    ..THIEF
};
/// The same with a thief who has another client too.
const DISTANT_THIEF: Protocol = Protocol {
    holders: &[Holder::Owner, Holder::DistantThief],
    ..THIEF
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

/// Explores all states of a protocol, at least this many, and asserts every property.
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

/// Plants a defect, and asserts that this property is violated.
fn assert_found(protocol: Protocol, defect: Defect, property: &'static str) {
    let planted = Protocol {
        defect: Some(defect),
        ..protocol
    };
    let checker = check(planted, HasDiscoveries::AnyOf([property].into()));
    assert!(checker.discovery(property).is_some(), "{defect:?} is not found");
}

#[test]
fn the_protocol_holds_for_a_sole_owner() {
    explore("an owner, three requests at once", OWNER, 61_000);
}

#[test]
fn the_protocol_holds_for_a_sole_owner_without_a_grace_window() {
    explore("an owner, no grace", Protocol { grace: 0, ..OWNER }, 17_000);
}

#[test]
fn the_protocol_holds_for_a_sole_owner_until_the_session_expires() {
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
fn the_protocol_holds_for_two_tabs_with_separate_copies() {
    explore("two copies", TWO_COPIES, 44_000);
}

#[test]
fn the_protocol_holds_for_an_owner_and_a_thief() {
    explore("an owner and a thief", THIEF, 280_000);
}

#[test]
fn the_protocol_holds_for_an_owner_and_a_thief_without_a_grace_window() {
    explore(
        "an owner and a thief, no grace",
        Protocol { grace: 0, ..THIEF },
        170_000,
    );
}

#[test]
fn the_protocol_holds_for_a_thief_in_another_network() {
    explore("an owner and a thief in another network", NEARBY_THIEF, 280_000);
}

#[test]
fn the_protocol_holds_for_a_thief_with_another_client_in_another_network() {
    explore("an owner and a distant thief", DISTANT_THIEF, 280_000);
}

#[test]
fn the_model_detects_repeats_that_are_answered_wherever_they_come_from() {
    assert_found(DISTANT_THIEF, Defect::RepeatedAnywhere, STRANGER_IS_FOUND);
}

#[test]
fn the_model_detects_repeats_that_are_miscounted() {
    assert_found(NEARBY_THIEF, Defect::RepeatsMiscounted, REPEATS_ARE_BOUNDED);
}

#[test]
fn the_model_detects_a_session_revived_by_the_grace_clock() {
    assert_found(THIEF, Defect::RevivedByTheGraceClock, STAYS_ENDED);
}

#[test]
fn the_model_detects_an_unconditional_update() {
    for property in [ONE_LINEAGE, NOT_AHEAD, ACKNOWLEDGED_WORKS] {
        assert_found(THIEF, Defect::UnconditionalUpdate, property);
    }
}

#[test]
fn the_model_detects_a_replay_that_is_rolled_back_with_its_refusal() {
    assert_found(THIEF, Defect::ReplayRolledBack, STAYS_ENDED);
}

#[test]
fn the_model_detects_a_grace_window_measured_from_the_last_use() {
    assert_found(THIEF, Defect::GraceFromLastUse, STALE_IS_FOUND);
}

#[test]
fn the_model_detects_that_the_loser_of_a_race_is_refused() {
    assert_found(OWNER, Defect::LoserTurnedAway, CAREFUL_OWNER_STAYS);
}
