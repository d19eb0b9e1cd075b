//! Random histories of one session: of an owner whose network loses responses, and of two holders of one token.
//!
//! Histories of all operations on accounts and sessions are in `doorward_testkit::histories`, and run on every store.

use core::time::Duration;

use doorward_application::TokenPair;
use doorward_domain::session::SessionPolicy;
use proptest::prelude::*;

use crate::story_app::{MICROSECOND, SECOND, StoryApp, just_before};

fn a_wait() -> impl Strategy<Value = Duration> {
    let policy = SessionPolicy::default();
    let (grace, idle) = (policy.refresh_grace, policy.refresh_idle);
    prop_oneof![
        4 => Just(SECOND),
        2 => Just(MICROSECOND),
        2 => Just(just_before(grace)),
        2 => Just(grace),
        1 => Just(just_before(idle)),
        1 => Just(idle),
        1 => Just(idle / 2),
        2 => (0..2 * grace.as_secs()).prop_map(Duration::from_secs),
    ]
}

fn text(pair: &TokenPair) -> String {
    pair.refresh_token.expose().to_owned()
}

/// One refresh of an owner whose network loses responses.
#[derive(Debug, Clone)]
struct Use {
    /// The times of the retries, counted from the first try.
    retries: Vec<Duration>,
    /// The time until the next use.
    pause: Duration,
}

fn a_use() -> impl Strategy<Value = Use> {
    let policy = SessionPolicy::default();
    let grace = u64::try_from(policy.refresh_grace.as_micros()).expect("a short grace");
    let idle = u64::try_from(policy.refresh_idle.as_micros()).expect("a short life");
    let retries = proptest::collection::vec((0..grace).prop_map(Duration::from_micros), 0..4);
    let pause = prop_oneof![0..60_000_000_u64, 0..idle - grace, Just(idle - grace)];
    (retries, pause).prop_map(|(mut retries, pause)| {
        retries.sort();
        let pause = Duration::from_micros(pause);
        Use { retries, pause }
    })
}

proptest! {
    #[test]
    fn a_sole_client_that_retries_within_the_grace_window_is_never_logged_out(uses in proptest::collection::vec(a_use(), 1..30)) {
        let mut world = StoryApp::new();
        world.policies.session.refresh_ttl = Duration::from_secs(10 * 365 * 24 * 60 * 60);
        world.user("ada");
        let mut pair = world.enter("ada");
        for Use { retries, pause } in uses {
            let begun = world.clock.now();
            let lost = world.refresh(&pair).expect("tokens");
            let mut kept = lost.clone();
            for after in retries {
                world.clock.set(begun + after);
                kept = world.refresh(&pair).expect("the same tokens again");
                prop_assert_eq!(kept.refresh_token.expose(), lost.refresh_token.expose());
            }
            prop_assert!(world.is_live(pair.session_id));
            pair = kept;
            world.wait(pause);
        }
        prop_assert!(world.refresh(&pair).is_ok());
    }

    #[test]
    fn two_holders_of_one_token_keep_at_most_one_lineage(turns in proptest::collection::vec((any::<bool>(), a_wait()), 2..30)) {
        let world = StoryApp::new();
        world.user("ada");
        let stolen = world.enter("ada");
        let mut hands = [stolen.clone(), stolen];
        for (thief, pause) in turns {
            let hand = usize::from(thief);
            if let Ok(pair) = world.refresh(&hands[hand]) {
                hands[hand] = pair;
            }
            world.wait(pause);
        }
        // After the grace window one of them presents their token: the other has the same one, or has been detected.
        let same = text(&hands[0]) == text(&hands[1]);
        world.wait(world.policies.session.refresh_grace);
        let first = world.refresh(&hands[0]);
        world.wait(world.policies.session.refresh_grace);
        let second = world.refresh(&hands[1]);
        prop_assert!(first.is_err() || second.is_err(), "same: {}", same);
        if let Ok(pair) = &first {
            prop_assert!(second.is_err() && world.is_refused(pair));
        }
    }
}
