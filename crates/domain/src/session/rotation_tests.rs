use core::net::IpAddr;
use core::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::id::{RequestId, SessionId, UserId};
use crate::session::{Authentication, EndReason, Ended, SessionKey, SessionKind};
use crate::time::Timestamp;

const LOGIN: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

fn session(generation: u32, rotated_after: Duration) -> Session {
    let policy = SessionPolicy::default();
    Session {
        id: SessionId::from_bytes([1; 16]),
        user_id: UserId::from_bytes([2; 16]),
        kind: SessionKind::Direct,
        authentication: Authentication::by_password(LOGIN),
        key: SessionKey::from_bytes([3; 32]),
        generation: Generation::new(generation),
        repeats: 0,
        rotated_at: LOGIN + rotated_after,
        created_at: LOGIN,
        last_used_at: LOGIN + rotated_after,
        expires_at: LOGIN + policy.refresh_ttl,
        ended: None,
        ip: Some(address("192.0.2.1")),
        user_agent: Some("browser/1.0".to_owned()),
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A request from the address and client of [`session`].
fn request(after: Duration) -> RequestContext {
    let Session { ip, user_agent, .. } = session(0, Duration::ZERO);
    RequestContext {
        now: LOGIN + after,
        request_id: RequestId::from_bytes([4; 16]),
        ip,
        user_agent,
    }
}

/// The decision about a token that comes from the address and client of the last rotation.
fn decide_at(session: &Session, presented: u32, after: Duration) -> Decision {
    decide(
        session,
        Generation::new(presented),
        &request(after),
        &SessionPolicy::default(),
    )
}

/// The decision about a repeat, a second after the rotation, from this address and client.
fn repeat_from(session: &Session, ip: Option<IpAddr>, user_agent: Option<&str>) -> Decision {
    let request = RequestContext {
        ip,
        user_agent: user_agent.map(str::to_owned),
        ..request(Duration::from_secs(1))
    };
    let presented = Generation::new(session.generation.get() - 1);
    decide(session, presented, &request, &SessionPolicy::default())
}

#[test]
fn the_current_token_rotates() {
    let decision = decide_at(&session(3, Duration::ZERO), 3, Duration::from_secs(1));
    assert_eq!(
        decision,
        Decision::Rotate {
            from: Generation::new(3),
            to: Generation::new(4)
        }
    );
}

#[test]
fn the_previous_token_returns_the_same_successor_only_within_the_grace_window() {
    let session = session(3, Duration::from_secs(100));
    let repeat = Decision::Repeat {
        current: Generation::new(3),
    };
    assert_eq!(decide_at(&session, 2, Duration::from_secs(100)), repeat);
    assert_eq!(decide_at(&session, 2, Duration::from_millis(109_999)), repeat);
    assert_eq!(
        decide_at(&session, 2, Duration::from_secs(110)),
        Decision::Replay(ReplayCause::Used)
    );
}

#[test]
fn a_clock_that_was_set_back_does_not_widen_the_grace_window() {
    let session = session(3, Duration::from_secs(3600));
    for (after, is_repeat) in [(3600 - 9, true), (3600 - 10, false), (1800, false), (0, false)] {
        let decision = decide_at(&session, 2, Duration::from_secs(after));
        assert_eq!(matches!(decision, Decision::Repeat { .. }), is_repeat, "{after}");
        assert_eq!(
            decision == Decision::Replay(ReplayCause::Used),
            !is_repeat,
            "{after}"
        );
    }
}

#[test]
fn without_a_grace_window_every_retry_is_a_replay() {
    let policy = SessionPolicy {
        refresh_grace: Duration::ZERO,
        ..SessionPolicy::default()
    };
    let after = Duration::from_secs(5);
    let decision = decide(&session(1, after), Generation::new(0), &request(after), &policy);
    assert_eq!(decision, Decision::Replay(ReplayCause::Used));
}

#[test]
fn a_repeat_from_the_address_and_client_of_the_rotation_is_never_counted() {
    let current = Generation::new(3);
    for repeats in [0, 10, u32::MAX] {
        let session = Session {
            repeats,
            ..session(3, Duration::ZERO)
        };
        // An IPv4-mapped IPv6 address is the IPv4 address.
        for ip in ["192.0.2.1", "::ffff:192.0.2.1"] {
            let decision = repeat_from(&session, Some(address(ip)), Some("browser/1.0"));
            assert_eq!(decision, Decision::Repeat { current });
        }
    }
}

#[test]
fn a_repeat_from_another_address_or_client_is_counted() {
    let session = session(3, Duration::ZERO);
    let counted = |differs| Decision::RepeatFromElsewhere {
        current: Generation::new(3),
        differs,
    };
    for (ip, user_agent, differs) in [
        (
            Some(address("192.0.2.2")),
            Some("browser/1.0"),
            Difference::Address,
        ),
        (
            Some(address("203.0.113.1")),
            Some("browser/1.0"),
            Difference::Address,
        ),
        (None, Some("browser/1.0"), Difference::Address),
        (Some(address("192.0.2.1")), Some("curl/8"), Difference::Client),
        (Some(address("192.0.2.1")), None, Difference::Client),
        // In the same network, or from an address that is unknown.
        (
            Some(address("192.0.2.255")),
            Some("curl/8"),
            Difference::AddressAndClient,
        ),
        (None, None, Difference::AddressAndClient),
    ] {
        assert_eq!(repeat_from(&session, ip, user_agent), counted(differs), "{ip:?}");
    }
}

#[test]
fn a_repeat_from_another_network_by_another_client_is_a_replay() {
    let v4 = session(3, Duration::ZERO);
    let v6 = Session {
        ip: Some(address("2001:db8:7::1")),
        ..v4.clone()
    };
    for (session, ip, user_agent) in [
        (&v4, "192.0.3.1", Some("curl/8")),
        (&v4, "2001:db8:7::1", None),
        (&v6, "2001:db8:8::1", Some("curl/8")),
        (&v6, "192.0.2.1", Some("curl/8")),
    ] {
        assert_eq!(
            repeat_from(session, Some(address(ip)), user_agent),
            Decision::Replay(ReplayCause::OtherNetworkAndClient)
        );
    }
    assert!(matches!(
        repeat_from(&v6, Some(address("2001:db8:7:ffff::1")), Some("curl/8")),
        Decision::RepeatFromElsewhere { .. }
    ));
}

#[test]
fn the_eleventh_counted_repeat_of_a_generation_is_a_replay() {
    for (repeats, is_replay) in [(0, false), (9, false), (10, true), (11, true)] {
        let session = Session {
            repeats,
            ..session(3, Duration::ZERO)
        };
        let decision = repeat_from(&session, Some(address("192.0.2.2")), Some("browser/1.0"));
        let replay = Decision::Replay(ReplayCause::TooManyRepeats);
        assert_eq!(decision == replay, is_replay, "{repeats}: {decision:?}");
    }
}

#[test]
fn a_session_expires_when_idle_and_absolutely() {
    let week = SessionPolicy::default().refresh_idle;
    assert_eq!(
        decide_at(&session(0, Duration::ZERO), 0, week),
        Decision::Refuse(Refusal::Expired)
    );
    let month = SessionPolicy::default().refresh_ttl;
    let busy = session(40, month.saturating_sub(Duration::from_secs(1)));
    assert!(matches!(
        decide_at(&busy, 40, month.saturating_sub(Duration::from_millis(1))),
        Decision::Rotate { .. }
    ));
    assert_eq!(decide_at(&busy, 40, month), Decision::Refuse(Refusal::Expired));
}

#[test]
fn the_last_generation_is_refused_rather_than_wrapped() {
    let session = session(u32::MAX, Duration::ZERO);
    assert_eq!(
        decide_at(&session, u32::MAX, Duration::ZERO),
        Decision::Refuse(Refusal::OutOfRange)
    );
}

proptest! {
    #[test]
    fn an_ended_session_is_refused_whatever_is_presented(
        generation in 0_u32..50, presented in 0_u32..50, rotated in 0_u64..100, ended in 0_u64..100, now in 0_u64..200,
    ) {
        let mut session = session(generation, Duration::from_secs(rotated));
        session.ended = Some(Ended { at: LOGIN + Duration::from_secs(ended), reason: EndReason::Replayed });
        prop_assert_eq!(decide_at(&session, presented, Duration::from_secs(now)), Decision::Refuse(Refusal::Ended));
    }

    #[test]
    fn only_the_current_generation_rotates_and_only_its_predecessor_repeats(
        generation in 0_u32..50, presented in 0_u32..60, rotated in 0_u64..1_000_000, now in 0_u64..3_000_000,
    ) {
        let session = session(generation, Duration::from_secs(rotated));
        match decide_at(&session, presented, Duration::from_secs(now)) {
            Decision::Rotate { from, to } => {
                prop_assert_eq!(from.get(), generation);
                prop_assert_eq!(presented, generation);
                prop_assert_eq!(to.get(), generation + 1);
            }
            Decision::RepeatFromElsewhere { .. } => prop_assert!(false, "it is from the rotation's client"),
            Decision::Repeat { current } => {
                prop_assert_eq!(presented + 1, generation);
                prop_assert_eq!(current.get(), generation);
                prop_assert!(now < rotated + 10 && rotated < now + 10);
            }
            Decision::Replay(cause) => {
                prop_assert!(presented < generation);
                prop_assert_eq!(cause, ReplayCause::Used);
            },
            Decision::Refuse(_) => {
                prop_assert!(presented > generation || now >= (rotated + 604_800).min(2_592_000));
            }
        }
    }

    /// Where a request comes from matters for a repeat within the grace window, and for nothing else.
    #[test]
    fn an_address_or_client_only_matters_for_repeats(
        generation in 0_u32..5, presented in 0_u32..7, repeats in 0_u32..13, now in 0_u64..20,
        ip in prop_oneof![Just(None), Just(Some(address("192.0.2.1"))), Just(Some(address("192.0.2.2"))), Just(Some(address("203.0.113.1")))],
        user_agent in prop_oneof![Just(None), Just(Some("browser/1.0".to_owned())), Just(Some("curl/8".to_owned()))],
    ) {
        let session = Session { repeats, ..session(generation, Duration::ZERO) };
        let presented = Generation::new(presented);
        let own = request(Duration::from_secs(now));
        let other = RequestContext { ip, user_agent, ..own.clone() };
        let policy = SessionPolicy::default();
        let from_own = decide(&session, presented, &own, &policy);
        let from_other = decide(&session, presented, &other, &policy);
        if matches!(from_own, Decision::Repeat { .. }) {
            let is_same = (&other.ip, &other.user_agent) == (&own.ip, &own.user_agent);
            prop_assert_eq!(matches!(from_other, Decision::Repeat { .. }), is_same);
            let is_counted = matches!(from_other, Decision::RepeatFromElsewhere { .. });
            prop_assert!(!is_counted || repeats < 10);
        } else {
            prop_assert_eq!(from_other, from_own);
        }
    }
}
