//! Each use case writes exactly the expected events, and none of them contains a secret.

use crate::scenarios;
use crate::story_app::{PASSWORD, StoryApp};

#[test]
fn each_use_case_writes_exactly_the_expected_events() {
    for scenario in scenarios::all() {
        let world = StoryApp::new();
        let run = (scenario.prepare)(&world);
        let seen = world.store.memory.events().len();
        assert_eq!(run(), scenario.outcome, "{}", scenario.name);
        assert_eq!(
            world.event_lines_since(seen),
            scenario.events,
            "{}",
            scenario.name
        );
    }
}

#[test]
fn every_event_records_time_client_and_request() {
    for scenario in scenarios::all() {
        let world = StoryApp::new();
        let run = (scenario.prepare)(&world);
        let seen = world.store.memory.events().len();
        let now = world.now();
        run();
        for event in &world.store.memory.events()[seen..] {
            assert_eq!(
                (event.at, &event.user_agent, &event.request_id),
                (now.now, &now.user_agent, &now.request_id),
                "{}",
                scenario.name
            );
            assert!(event.ip.is_some(), "{}", scenario.name);
        }
    }
}

#[test]
fn no_event_contains_a_secret() {
    for scenario in scenarios::all() {
        let world = StoryApp::new();
        (scenario.prepare)(&world)();
        let events = format!("{:?}", world.store.memory.events());
        for secret in world.secrets() {
            assert!(
                !events.contains(&secret),
                "{}: {secret:?} in {events}",
                scenario.name
            );
        }
    }
}

#[test]
fn the_search_for_secrets_covers_passwords_and_tokens() {
    let world = StoryApp::new();
    world.user("ada");
    let pair = world.enter("ada");
    let secrets = world.secrets();
    for secret in [PASSWORD, pair.access_token.expose(), pair.refresh_token.expose()] {
        assert!(secrets.iter().any(|known| known == secret));
    }
    assert!(secrets.iter().all(|secret| secret.len() >= 8), "{secrets:?}");
}

#[test]
fn events_outlive_their_user_and_sessions() {
    let world = StoryApp::new();
    let ada = world.user("ada");
    let phone = world.enter_as("ada", "phone");
    let before = world.event_lines();
    world
        .delete_account(&phone, PASSWORD)
        .expect("an account that goes");
    assert!(world.find(ada.id).is_none());
    assert_eq!(world.event_lines()[..before.len()], before);
    assert_eq!(
        world.event_lines()[before.len()..],
        ["user.deleted success of=ada by=ada"]
    );
}
