//! The audit log: each use case writes exactly the events that it should, and none of them holds a secret.

use crate::scenarios;
use crate::world::{PASSWORD, World};

#[test]
fn each_use_case_writes_the_events_that_it_should_and_no_others() {
    for scenario in scenarios::all() {
        let world = World::new();
        let act = (scenario.prepare)(&world);
        let seen = world.store.memory.events().len();
        assert_eq!(act(), scenario.outcome, "{}", scenario.name);
        assert_eq!(world.told_since(seen), scenario.told, "{}", scenario.name);
    }
}

#[test]
fn every_event_tells_when_from_where_and_in_which_request() {
    for scenario in scenarios::all() {
        let world = World::new();
        let act = (scenario.prepare)(&world);
        let seen = world.store.memory.events().len();
        let now = world.now();
        act();
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
fn no_event_holds_a_secret() {
    for scenario in scenarios::all() {
        let world = World::new();
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
fn what_is_looked_for_in_events_would_be_found() {
    let world = World::new();
    world.user("ada");
    let pair = world.enter("ada");
    let secrets = world.secrets();
    for secret in [PASSWORD, pair.access_token.expose(), pair.refresh_token.expose()] {
        assert!(secrets.iter().any(|known| known == secret));
    }
    assert!(secrets.iter().all(|secret| secret.len() >= 8), "{secrets:?}");
}

#[test]
fn events_outlive_the_user_and_sessions_they_tell_of() {
    let world = World::new();
    let ada = world.user("ada");
    let phone = world.enter_as("ada", "phone");
    let before = world.told();
    world
        .delete_account(&phone, PASSWORD)
        .expect("an account that goes");
    assert!(world.find(ada.id).is_none());
    assert_eq!(world.told()[..before.len()], before);
    assert_eq!(
        world.told()[before.len()..],
        ["user.deleted success of=ada by=ada"]
    );
}
