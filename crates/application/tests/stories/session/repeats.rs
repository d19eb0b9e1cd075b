//! Repeats of a refresh within the grace window, by the owner and by a thief.

use core::time::Duration;

use doorward_application::TokenPair;
use doorward_domain::session::EndReason;

use crate::concurrency::at_once;
use crate::story_app::{HOME, SECOND, StoryApp};

const NEIGHBOUR: &str = "192.0.2.77";
const ELSEWHERE: &str = "203.0.113.7";

/// Ada, logged in at home with `browser/1.0`, and her first refresh.
fn ada() -> (StoryApp, TokenPair, TokenPair) {
    let world = StoryApp::new();
    world.use_client("browser/1.0");
    world.user("ada");
    let stolen = world.enter_as("ada", "phone");
    let successor = world.refresh(&stolen).expect("tokens");
    (world, stolen, successor)
}

fn end_reason(world: &StoryApp, pair: &TokenPair) -> Option<EndReason> {
    let session = world.session(pair.session_id).expect("a session");
    session.ended.map(|ended| ended.reason)
}

/// The events after the login.
fn events(world: &StoryApp) -> Vec<String> {
    let lines = world.event_lines();
    let login = lines.iter().position(|line| line.starts_with("login.succeeded"));
    lines[login.expect("a login") + 1..].to_vec()
}

#[test]
fn fifty_repeats_of_the_owners_own_tab_are_answered_and_recorded_nowhere() {
    let (world, stolen, successor) = ada();
    let before = world.snapshot_with_attempts(&[]);
    for _ in 0..50 {
        let again = world.refresh(&stolen).expect("the same tokens again");
        assert_eq!(again.refresh_token.expose(), successor.refresh_token.expose());
    }
    assert_eq!(world.snapshot_with_attempts(&[]), before);
}

#[test]
fn a_repeat_from_another_address_or_client_is_answered_and_recorded() {
    let (world, stolen, successor) = ada();
    let repeat = |address, client| {
        world.go_to(address);
        world.use_client(client);
        let again = world.refresh(&stolen).expect("the same tokens again");
        assert_eq!(again.refresh_token.expose(), successor.refresh_token.expose());
    };
    repeat(NEIGHBOUR, "browser/1.0");
    repeat(ELSEWHERE, "browser/1.0");
    repeat(HOME, "curl/8");
    repeat(NEIGHBOUR, "curl/8");
    repeat(HOME, "browser/1.0");
    assert_eq!(
        events(&world),
        [
            "session.repeated success of=ada in=phone differs=address generation=1 repeat=1",
            "session.repeated success of=ada in=phone differs=address generation=1 repeat=2",
            "session.repeated success of=ada in=phone differs=client generation=1 repeat=3",
            "session.repeated success of=ada in=phone differs=address-and-client generation=1 repeat=4",
        ]
    );
    let session = world.session(stolen.session_id).expect("a session");
    assert_eq!(
        session.ip,
        Some(HOME.parse().expect("an address")),
        "that of the rotation"
    );
    assert_eq!(session.last_used_at, session.rotated_at, "a repeat is no use");
}

#[test]
fn a_repeat_by_another_client_in_another_network_ends_the_session() {
    let (world, stolen, successor) = ada();
    world.wait(SECOND);
    world.go_to(ELSEWHERE);
    world.use_client("curl/8");
    assert!(world.is_refused(&stolen));
    assert_eq!(end_reason(&world, &stolen), Some(EndReason::Replayed));
    assert_eq!(
        events(&world),
        [
            "session.replayed failure of=ada in=phone current_generation=1 presented_generation=0 reason=other-network-and-client"
        ]
    );
    world.go_to(HOME);
    world.use_client("browser/1.0");
    assert!(world.is_refused(&successor));
}

#[test]
fn the_eleventh_recorded_repeat_of_a_generation_ends_the_session() {
    let (world, mut stolen, mut successor) = ada();
    // The count starts again with each generation.
    for generation in 1..=3 {
        for _ in 0..10 {
            world.go_to(ELSEWHERE);
            assert!(world.refresh(&stolen).is_ok());
            world.go_to(HOME);
            assert!(world.refresh(&stolen).is_ok(), "the owner's are not counted");
        }
        if generation < 3 {
            world.wait(900 * SECOND);
            stolen = successor;
            successor = world.refresh(&stolen).expect("tokens");
        }
    }
    world.go_to(NEIGHBOUR);
    assert!(world.is_refused(&stolen));
    assert_eq!(end_reason(&world, &stolen), Some(EndReason::Replayed));
    let events = events(&world);
    let repeats = events.iter().filter(|line| line.starts_with("session.repeated"));
    assert_eq!(repeats.count(), 30);
    assert_eq!(
        events.last().map(String::as_str),
        Some(
            "session.replayed failure of=ada in=phone current_generation=3 presented_generation=2 reason=too-many-repeats"
        )
    );
    world.go_to(HOME);
    assert!(world.is_refused(&successor));
}

#[test]
fn of_many_concurrent_repeats_from_elsewhere_ten_are_answered() {
    for again in [false, true] {
        let (world, stolen, _) = ada();
        world.store.memory.rerun_writes(again);
        world.go_to(ELSEWHERE);
        let answered = at_once(30, |_| world.refresh(&stolen).is_ok());
        assert_eq!(answered.iter().filter(|ok| **ok).count(), 10);
        assert_eq!(end_reason(&world, &stolen), Some(EndReason::Replayed));
        let replays = events(&world)
            .into_iter()
            .filter(|line| line.starts_with("session.replayed"));
        assert_eq!(replays.count(), 1);
    }
}

/// The owner refreshes every quarter of an hour; the thief polls the list of sessions and repeats each refresh at once.
#[test]
fn a_thief_who_follows_every_refresh_is_seen() {
    let (world, mut stolen, mut successor) = ada();
    for _ in 0..4 {
        world.go_to(ELSEWHERE);
        let followed = world.refresh(&stolen).expect("the same tokens again");
        world.go_to(HOME);
        world.wait(900 * SECOND);
        stolen = followed;
        successor = world.refresh(&successor).expect("tokens");
    }
    let events = events(&world);
    assert_eq!(events.len(), 4);
    assert!(
        events.iter().all(|line| line.starts_with("session.repeated")),
        "{events:?}"
    );
}

#[test]
fn a_repeat_of_a_disabled_user_is_refused_and_not_counted() {
    let (world, stolen, _) = ada();
    world.admin("root");
    let admin = world.enter("root");
    world.disable(&admin, stolen.user.id).expect("disabled");
    world.go_to(NEIGHBOUR);
    assert!(world.is_refused(&stolen));
    let session = world.session(stolen.session_id).expect("a session");
    assert_eq!(session.repeats, 0);
}

#[test]
fn lists_show_times_to_the_minute() {
    let (world, _, pair) = ada();
    world.admin("root");
    let admin = world.enter("root");
    let list = world.use_cases().list_sessions();
    for seconds in [0, 7, 59, 61] {
        world.wait(Duration::from_secs(seconds));
        let pair = world.refresh(&world.enter("ada")).expect("tokens");
        let now = world.clock.now();
        let own = list.own(&world.granted_user(&pair), now).expect("a list");
        let admins = list
            .of_user(&world.granted(&admin), pair.user.id, now)
            .expect("a list");
        assert_eq!(own, admins);
        for session in own {
            let stored = world.session(session.id).expect("a session");
            assert_eq!(session.last_used_at, stored.last_used_at.cut_to_minutes());
            assert!(session.created_at <= session.last_used_at);
            let expiry = session.refresh_expires_at(&world.policies.session);
            assert_eq!(
                expiry,
                expiry.cut_to_minutes(),
                "it would tell the time of the last use"
            );
        }
    }
    assert!(world.is_live(pair.session_id));
}
