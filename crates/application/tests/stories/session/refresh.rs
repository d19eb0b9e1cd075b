//! Refresh: retries and tabs get the same successor, replays are detected, and ended sessions stay ended.

use doorward_application::{ListSessions, TokenPair};
use doorward_domain::session::EndReason;

use crate::concurrency::at_once;
use crate::story_app::{MICROSECOND, PASSWORD, SECOND, StoryApp, just_before, outcome};

/// A world with Ada, logged in.
fn ada() -> (StoryApp, TokenPair) {
    let world = StoryApp::new();
    world.user("ada");
    let pair = world.enter_as("ada", "phone");
    (world, pair)
}

fn refreshed(world: &StoryApp, pair: &TokenPair) -> TokenPair {
    world.refresh(pair).expect("tokens")
}

fn text(pair: &TokenPair) -> &str {
    pair.refresh_token.expose()
}

fn end_reason(world: &StoryApp, pair: &TokenPair) -> Option<EndReason> {
    let session = world.session(pair.session_id).expect("a session");
    session.ended.map(|ended| ended.reason)
}

#[test]
fn concurrent_refreshes_with_one_token_return_one_successor() {
    for (tabs, again) in [(2, false), (5, false), (50, false), (5, true)] {
        let (world, pair) = ada();
        world.store.memory.rerun_writes(again);
        let pairs = at_once(tabs, |_| refreshed(&world, &pair));
        assert!(pairs.iter().all(|other| text(other) == text(&pairs[0])));
        assert_ne!(text(&pairs[0]), text(&pair));
        let session = world.session(pair.session_id).expect("a session");
        assert_eq!(session.generation.get(), 1, "one rotation");
        // The session is active, and its next token has one successor again.
        world.wait(60 * SECOND);
        let next = at_once(tabs, |tab| refreshed(&world, &pairs[tab]));
        assert!(next.iter().all(|other| text(other) == text(&next[0])));
    }
}

#[test]
fn a_refresh_can_be_retried_within_the_grace_window() {
    let (world, pair) = ada();
    let lost = refreshed(&world, &pair);
    let kept = world.snapshot_with_attempts(&[]);
    world.wait(SECOND);
    let retried = refreshed(&world, &pair);
    assert_eq!(text(&retried), text(&lost));
    assert_eq!(retried.session_id, lost.session_id);
    assert_ne!(retried.access_token.expose(), lost.access_token.expose());
    assert_eq!(world.snapshot_with_attempts(&[]), kept, "a retry writes nothing");
    assert!(world.refresh(&retried).is_ok());
}

#[test]
fn a_retry_does_not_extend_the_grace_window() {
    let (world, pair) = ada();
    refreshed(&world, &pair);
    let half = world.policies.session.refresh_grace / 2;
    world.wait(half);
    assert!(world.refresh(&pair).is_ok());
    world.wait(just_before(half));
    assert!(world.refresh(&pair).is_ok());
    world.wait(MICROSECOND);
    assert!(world.is_refused(&pair));
}

#[test]
fn a_used_token_after_the_grace_window_ends_the_session() {
    let (world, pair) = ada();
    let current = refreshed(&world, &pair);
    let rotated_at = world.session(pair.session_id).expect("a session").rotated_at;
    world.wait(world.policies.session.refresh_grace);
    let seen = world.event_lines().len();
    assert!(world.is_refused(&pair));
    assert_eq!(end_reason(&world, &pair), Some(EndReason::Replayed));
    assert_eq!(
        world.event_lines_since(seen),
        ["session.replayed failure of=ada in=phone current_generation=1 presented_generation=0"]
    );
    // The end does not overwrite the time of the rotation.
    let session = world.session(pair.session_id).expect("a session");
    assert_eq!(session.rotated_at, rotated_at);
    // The replay is recorded once, and no token of the session works any more.
    let seen = world.event_lines().len();
    for token in [&pair, &current, &pair] {
        assert!(world.is_refused(token));
    }
    let refused = "session.refreshed failure of=ada in=phone reason=session-ended";
    assert_eq!(world.event_lines_since(seen), [refused; 3]);
}

#[test]
fn after_a_replay_later_tokens_are_refused_even_within_their_grace_window() {
    let (world, first) = ada();
    let second = refreshed(&world, &first);
    world.wait(60 * SECOND);
    let third = refreshed(&world, &second);
    // The second token could be retried now, and the third is current: the replay of the first ends both.
    assert!(world.is_refused(&first));
    assert!(world.is_refused(&second));
    assert!(world.is_refused(&third));
}

#[test]
fn a_token_two_rotations_old_is_always_a_replay() {
    let (world, first) = ada();
    let third = refreshed(&world, &refreshed(&world, &first));
    assert!(world.is_refused(&first));
    assert!(world.is_refused(&third));
    assert_eq!(end_reason(&world, &first), Some(EndReason::Replayed));
}

#[test]
fn a_replay_racing_a_rotation_leaves_no_valid_token() {
    for _ in 0..50 {
        let (world, first) = ada();
        let second = refreshed(&world, &first);
        world.wait(60 * SECOND);
        let pairs = at_once(4, |racer| {
            let presented = if racer % 2 == 0 { &first } else { &second };
            world.refresh(presented).ok()
        });
        assert_eq!(end_reason(&world, &first), Some(EndReason::Replayed));
        for pair in pairs.iter().flatten().chain([&first, &second]) {
            assert!(world.is_refused(pair));
        }
    }
}

#[test]
fn a_thief_and_the_owner_alternating_are_detected_within_two_turns() {
    // Within the grace window they hold the same successor, which proves nothing yet; the next turn does.
    for pause in [SECOND, 60 * SECOND, 15 * 60 * SECOND] {
        let (world, stolen) = ada();
        let mut hands = [stolen.clone(), stolen];
        let mut refused_at = None;
        'turns: for turn in 1..=2 {
            for hand in &mut hands {
                let Ok(pair) = world.refresh(hand) else {
                    refused_at = Some(turn);
                    break 'turns;
                };
                *hand = pair;
                world.wait(pause);
            }
            world.wait(15 * 60 * SECOND);
        }
        if pause < world.policies.session.refresh_grace {
            assert_eq!(refused_at, None);
            // Both hold the current token: the one who comes after the grace window is detected.
            hands[0] = refreshed(&world, &hands[0]);
            world.wait(world.policies.session.refresh_grace);
            assert!(world.is_refused(&hands[1]));
        } else {
            assert_eq!(refused_at, Some(1), "{pause:?}");
        }
        assert!(hands.iter().all(|hand| world.is_refused(hand)));
        let lines = world.event_lines();
        let replays = lines.iter().filter(|line| line.starts_with("session.replayed"));
        assert_eq!(replays.count(), 1);
    }
}

#[test]
fn a_forged_token_is_refused_and_the_session_continues() {
    let (world, first) = ada();
    let second = refreshed(&world, &first);
    let kept = world.snapshot_with_attempts(&[]);
    let token = text(&second).to_owned();
    let forged = [
        token.replace(".1.", ".0."),
        token.replace(".1.", ".2."),
        format!("{}0", &token[..token.len() - 1]),
        format!("{}f", &token[..token.len() - 1]),
        second.access_token.expose().to_owned(),
        second.session_id.to_string(),
        String::new(),
    ];
    for forged in forged.iter().filter(|forged| **forged != token) {
        assert_eq!(
            outcome(&world.refresh_token(forged)),
            "InvalidRefreshToken",
            "{forged}"
        );
        world.logout_token(forged).expect("nothing to tell");
    }
    assert_eq!(world.snapshot_with_attempts(&[]), kept);
    assert!(world.refresh(&second).is_ok());
}

#[test]
fn a_session_is_ended_by_its_id_without_its_token() {
    let (world, phone) = ada();
    let lost = world.enter("ada");
    world.user("eve");
    let eve = world.enter("eve");
    let sessions = ListSessions {
        store: &world.store,
        policy: &world.policies.session,
    };
    let listed = |caller: &TokenPair| -> Vec<_> {
        let own = sessions.own(&world.granted_user(caller), world.clock.now());
        own.expect("a list").iter().map(|session| session.id).collect()
    };
    assert_eq!(listed(&phone), [lost.session_id, phone.session_id]);
    assert_eq!(outcome(&world.end_session(&eve, lost.session_id)), "NotFound");
    world.end_session(&phone, lost.session_id).expect("ended");
    assert!(world.is_refused(&lost));
    assert_eq!(listed(&phone), [phone.session_id]);
    assert_eq!(listed(&eve), [eve.session_id]);
    assert_eq!(outcome(&world.end_session(&phone, lost.session_id)), "NotFound");
    assert!(world.refresh(&phone).is_ok());
}

#[test]
fn logging_out_everywhere_ends_only_the_users_own_sessions() {
    let (world, phone) = ada();
    let laptop = world.enter("ada");
    world.user("eve");
    let eve = world.enter("eve");
    world.logout_everywhere(&phone).expect("logged out");
    assert!(world.is_refused(&phone) && world.is_refused(&laptop));
    assert!(world.refresh(&eve).is_ok());
    assert!(world.refresh(&world.enter("ada")).is_ok());
}

#[test]
fn two_logins_at_the_same_instant_get_distinct_sessions_and_tokens() {
    let world = StoryApp::new();
    world.user("ada");
    let [a, b] = [(); 2].map(|()| world.login("ada", PASSWORD).expect("a session"));
    assert_eq!(world.claims(&a).issued_at, world.claims(&b).issued_at);
    assert_ne!(a.session_id, b.session_id);
    assert_ne!(text(&a), text(&b));
    assert_ne!(a.access_token.expose(), b.access_token.expose());
    assert_ne!(world.claims(&a).token_id, world.claims(&b).token_id);
    let key = |pair: &TokenPair| world.session(pair.session_id).map(|session| session.key);
    assert_ne!(key(&a), key(&b));
    let events = world.store.memory.events();
    assert_ne!(events[events.len() - 1].id, events[events.len() - 2].id);
    world.logout(&a).expect("logged out");
    assert!(world.refresh(&b).is_ok());
}

#[test]
fn twenty_consecutive_logins_all_succeed() {
    let world = StoryApp::new();
    let ada = world.user("ada");
    for _ in 0..20 {
        world.login("ada", PASSWORD).expect("a session");
    }
    assert_eq!(world.live_sessions(ada.id).len(), 20);
}

#[test]
fn an_idle_session_expires_at_the_idle_limit_and_an_active_one_at_the_absolute_limit() {
    let (world, pair) = ada();
    let idle = world.policies.session.refresh_idle;
    world.clock.set(world.claims(&pair).issued_at);
    let opened = world.session(pair.session_id).expect("a session").created_at;
    world.clock.set(opened + just_before(idle));
    let mut pair = refreshed(&world, &pair);
    let over = opened + world.policies.session.refresh_ttl;
    while world.clock.now() + idle < over {
        world.wait(just_before(idle));
        pair = refreshed(&world, &pair);
        assert!(pair.refresh_expires_in <= over.since(world.clock.now()));
    }
    world.clock.set(over - MICROSECOND);
    pair = refreshed(&world, &pair);
    assert_eq!(
        pair.expires_in.as_secs(),
        0,
        "no access token outlives its session"
    );
    world.clock.set(over);
    assert!(world.is_refused(&pair));

    let idler = world.enter("ada");
    let opened = world.session(idler.session_id).expect("a session").created_at;
    world.clock.set(opened + idle);
    assert!(world.is_refused(&idler));
}

#[test]
fn exceeding_the_session_limit_ends_the_least_recently_used() {
    let world = StoryApp::new();
    world.user("ada");
    let first = world.enter("ada");
    let second = world.enter("ada");
    for _ in 2..world.policies.session.max_sessions {
        world.enter("ada");
    }
    world.wait(60 * SECOND);
    let first = world.refresh(&first).expect("a refresh");
    world.wait(60 * SECOND);
    let latest = world.enter("ada");
    assert!(world.is_live(first.session_id) && world.is_live(latest.session_id));
    assert!(!world.is_live(second.session_id));
    assert_eq!(
        u32::try_from(world.live_sessions(first.user.id).len()),
        Ok(world.policies.session.max_sessions)
    );
}
