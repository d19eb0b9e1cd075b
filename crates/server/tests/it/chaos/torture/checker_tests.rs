//! The checker on handwritten histories: correct ones that it must accept, and at least one incorrect one for every
//! rule.

use super::checker::{Policy, Rule, check};
use crate::harness::measure::Micros;

use super::history::{
    ClientOperation, Event, Outage, Outcome, Record, SessionOperation, by_session, unexpected_responses,
};

const POLICY: Policy = Policy {
    grace: 2_000,
    bound: 1_000,
    margin: 10,
};

/// An event on instance 0 with these times.
fn event(operation: SessionOperation, outcome: Outcome, invoked: Micros, returned: Micros) -> Event {
    Event {
        operation,
        outcome,
        invoked,
        returned,
        at: (0, 0),
    }
}

fn login() -> Event {
    event(SessionOperation::Login, Outcome::Pair("t0".to_owned()), 0, 10)
}

fn refresh(token: &str, successor: &str, invoked: Micros, returned: Micros) -> Event {
    let outcome = Outcome::Pair(successor.to_owned());
    event(
        SessionOperation::Refresh(token.to_owned()),
        outcome,
        invoked,
        returned,
    )
}

fn refused(token: &str, invoked: Micros, returned: Micros) -> Event {
    event(
        SessionOperation::Refresh(token.to_owned()),
        Outcome::Refused,
        invoked,
        returned,
    )
}

fn lost(token: &str, invoked: Micros, returned: Micros) -> Event {
    event(
        SessionOperation::Refresh(token.to_owned()),
        Outcome::Unknown,
        invoked,
        returned,
    )
}

fn end(invoked: Micros, returned: Micros) -> Event {
    event(SessionOperation::End, Outcome::Done, invoked, returned)
}

fn accepted(invoked: Micros, returned: Micros) -> Event {
    event(SessionOperation::Use, Outcome::Done, invoked, returned)
}

fn turned_away(invoked: Micros, returned: Micros) -> Event {
    event(SessionOperation::Use, Outcome::Refused, invoked, returned)
}

/// The same event on a process of instance 1 that was started at that time.
fn elsewhere(event: Event, started_at: Micros) -> Event {
    Event {
        at: (1, started_at),
        ..event
    }
}

#[track_caller]
fn assert_accepted(events: impl IntoIterator<Item = Event>) {
    let events: Vec<_> = [login()].into_iter().chain(events).collect();
    assert_eq!(check(&events, POLICY), []);
}

#[track_caller]
fn assert_violates(rule: Rule, events: impl IntoIterator<Item = Event>) {
    let events: Vec<_> = [login()].into_iter().chain(events).collect();
    let mut rules: Vec<_> = check(&events, POLICY).iter().map(|v| v.rule).collect();
    rules.dedup();
    assert_eq!(rules, [rule]);
}

#[test]
fn a_normal_session_is_accepted() {
    assert_accepted([
        refresh("t0", "t1", 20, 30),
        accepted(31, 32),
        refresh("t0", "t1", 40, 50),
        refresh("t1", "t2", 5_000, 5_010),
        end(6_000, 6_010),
        refused("t2", 6_020, 6_030),
        turned_away(6_040, 6_050),
    ]);
}

#[test]
fn concurrent_refreshes_must_return_one_successor() {
    assert_accepted([refresh("t0", "t1", 20, 90), refresh("t0", "t1", 30, 60)]);
    assert_violates(
        Rule::OneSuccessor,
        [refresh("t0", "t1", 20, 90), refresh("t0", "other", 30, 60)],
    );
}

#[test]
fn a_successor_must_have_one_predecessor() {
    assert_violates(
        Rule::OneSuccessor,
        [refresh("t0", "t1", 20, 30), refresh("t1", "t1", 40, 50)],
    );
    assert_violates(Rule::OneSuccessor, [refresh("t0", "t0", 20, 30)]);
}

#[test]
fn a_refresh_concurrent_with_the_end_may_succeed() {
    assert_accepted([refresh("t0", "t1", 20, 90), end(30, 60), refused("t1", 100, 110)]);
}

#[test]
fn tokens_after_a_logout_are_a_violation() {
    assert_violates(Rule::EndIsFinal, [end(20, 30), refresh("t0", "t1", 40, 50)]);
}

#[test]
fn tokens_after_a_refused_replay_are_a_violation() {
    let stolen = [
        refresh("t0", "t1", 20, 30),
        refresh("t1", "t2", 40, 50),
        refused("t0", 60, 70),
    ];
    assert_accepted(stolen.clone().into_iter().chain([refused("t2", 80, 90)]));
    assert_violates(
        Rule::EndIsFinal,
        stolen.into_iter().chain([refresh("t2", "t3", 80, 90)]),
    );
}

#[test]
fn tokens_after_a_reported_end_are_a_violation() {
    let unknown_end = event(SessionOperation::End, Outcome::Unknown, 20, 30);
    assert_accepted([unknown_end.clone(), refresh("t0", "t1", 40, 50)]);
    assert_accepted([unknown_end.clone(), turned_away(40, 50), refused("t0", 60, 70)]);
    assert_violates(
        Rule::EndIsFinal,
        [
            unknown_end.clone(),
            turned_away(40, 50),
            refresh("t0", "t1", 60, 70),
        ],
    );
    let not_found = event(SessionOperation::End, Outcome::Refused, 40, 50);
    assert_violates(
        Rule::EndIsFinal,
        [unknown_end, not_found, refresh("t0", "t1", 60, 70)],
    );
}

#[test]
fn another_instance_may_accept_an_access_token_within_the_bound() {
    assert_accepted([end(20, 30), elsewhere(accepted(1_030, 1_040), 5)]);
    assert_violates(
        Rule::EndIsKnown,
        [end(20, 30), elsewhere(accepted(1_031, 1_040), 5)],
    );
}

#[test]
fn an_instance_started_after_the_end_must_know_it() {
    assert_violates(Rule::EndIsKnown, [end(20, 30), elsewhere(accepted(50, 60), 40)]);
    assert_accepted([end(20, 30), elsewhere(accepted(50, 60), 25)]);
}

#[test]
fn the_instance_that_acknowledged_the_end_must_know_it_immediately() {
    assert_violates(Rule::EndIsKnown, [end(20, 30), accepted(31, 32)]);
    assert_accepted([end(20, 30), accepted(25, 32)]);
}

#[test]
fn a_token_two_generations_old_must_be_refused() {
    let two = [refresh("t0", "t1", 20, 30), refresh("t1", "t2", 40, 50)];
    assert_violates(
        Rule::ReplayIsDetected,
        two.clone().into_iter().chain([refresh("t0", "t1", 60, 70)]),
    );
    // The first refresh may have been decided before the second rotation.
    assert_accepted(two.into_iter().chain([refresh("t0", "t1", 45, 70)]));
}

#[test]
fn the_previous_token_must_be_refused_after_the_grace_window() {
    assert_accepted([refresh("t0", "t1", 20, 30), refresh("t0", "t1", 2_040, 2_050)]);
    assert_violates(
        Rule::ReplayIsDetected,
        [refresh("t0", "t1", 20, 30), refresh("t0", "t1", 2_041, 2_050)],
    );
}

#[test]
fn a_sole_client_must_not_be_refused_within_the_grace_window() {
    assert_violates(
        Rule::NoUnjustifiedRefusal,
        [refresh("t0", "t1", 20, 30), refused("t0", 1_000, 1_010)],
    );
    assert_violates(
        Rule::NoUnjustifiedRefusal,
        [lost("t0", 20, 30), refused("t0", 1_000, 1_010)],
    );
    // After the grace window a retry cannot be distinguished from a theft.
    assert_accepted([lost("t0", 20, 30), refused("t0", 2_020, 2_030)]);
}

#[test]
fn losing_an_acknowledged_rotation_is_a_violation() {
    // As if the rotation had been lost with the instance: the session has not reached that generation.
    assert_violates(
        Rule::NoUnjustifiedRefusal,
        [refresh("t0", "t1", 20, 30), refused("t1", 60, 70)],
    );
    assert_violates(Rule::NoUnjustifiedRefusal, [refused("t0", 60, 70)]);
}

#[test]
fn refusing_an_active_session_is_a_violation() {
    assert_violates(Rule::NoUnjustifiedRefusal, [turned_away(60, 70)]);
    let not_found = event(SessionOperation::End, Outcome::Refused, 60, 70);
    assert_violates(Rule::NoUnjustifiedRefusal, [not_found]);
    // An end requested later does not justify a refusal.
    assert_violates(Rule::NoUnjustifiedRefusal, [turned_away(60, 70), end(80, 90)]);
}

#[test]
fn a_late_concurrent_refresh_may_be_treated_as_a_replay() {
    assert_accepted([
        refresh("t0", "t1", 20, 30),
        refused("t0", 35, 90),
        refresh("t1", "t2", 40, 50),
    ]);
}

fn record(operation: ClientOperation, status: Option<u16>, (invoked, returned): (Micros, Micros)) -> Record {
    Record {
        instance: 0,
        started_at: 0,
        user: 0,
        session: Some("s".to_owned()),
        operation,
        status,
        successor: None,
        invoked,
        returned,
    }
}

#[test]
fn only_an_outage_excuses_missing_responses() {
    let outage = Outage {
        instance: 0,
        from: 100,
        until: 200,
    };
    for (status, invoked, returned, is_unexpected) in [
        (Some(503), 90, 110, false),
        (None, 190, 300, false),
        (None, 50, 90, true),
        (Some(503), 210, 300, true),
        (Some(500), 110, 120, true),
        (Some(403), 300, 310, true),
        (Some(401), 300, 310, false),
    ] {
        let records = [record(ClientOperation::Me, status, (invoked, returned))];
        assert_eq!(
            unexpected_responses(&records, &[outage]).len(),
            usize::from(is_unexpected),
            "{records:?}"
        );
    }
    let elsewhere = Record {
        instance: 1,
        ..record(ClientOperation::Me, None, (110, 120))
    };
    assert_eq!(unexpected_responses(&[elsewhere], &[outage]).len(), 1);
}

#[test]
fn logout_all_ends_open_sessions_and_may_end_sessions_being_opened() {
    let login = |session: &str, times| Record {
        session: Some(session.to_owned()),
        successor: Some(format!("{session}-t0")),
        ..record(ClientOperation::Login, Some(200), times)
    };
    let all = |status| record(ClientOperation::LogoutAll, Some(status), (100, 200));
    let logins = [
        login("s", (0, 10)),
        login("during", (90, 150)),
        login("after", (201, 210)),
    ];
    let ends = |status| {
        let records: Vec<_> = logins.iter().cloned().chain([all(status)]).collect();
        let sessions = by_session(&records);
        ["s", "during", "after"].map(|session| {
            let mut events = sessions[session].iter();
            events
                .find(|e| e.operation == SessionOperation::End)
                .map(|e| e.outcome.clone())
        })
    };
    assert_eq!(ends(204), [Some(Outcome::Done), Some(Outcome::Unknown), None]);
    assert_eq!(ends(401), [None, None, None]);
    assert_eq!(
        ends(503),
        [
            Some(Outcome::Unknown),
            Some(Outcome::Unknown),
            Some(Outcome::Unknown)
        ]
    );
}

#[test]
fn deleting_a_session_by_id_ends_one_session_and_uses_another() {
    let deletion = record(
        ClientOperation::Delete("target".to_owned()),
        Some(404),
        (100, 200),
    );
    let sessions = by_session(&[deletion]);
    assert_eq!(sessions["s"][0].operation, SessionOperation::Use);
    assert_eq!(sessions["s"][0].outcome, Outcome::Done);
    assert_eq!(sessions["target"][0].operation, SessionOperation::End);
    assert_eq!(sessions["target"][0].outcome, Outcome::Refused);
}
