//! The checker itself, on histories written by hand: good ones that it must accept, and one or more bad ones for every
//! rule.

use super::checker::{Policy, Rule, check};
use crate::measure::Micros;

use super::history::{Act, Deed, Event, Outage, Outcome, Record, by_session, odd_answers};

const POLICY: Policy = Policy {
    grace: 2_000,
    bound: 1_000,
    margin: 10,
};

/// On instance 0, from one time to another.
fn event(act: Act, outcome: Outcome, invoked: Micros, returned: Micros) -> Event {
    Event {
        act,
        outcome,
        invoked,
        returned,
        at: (0, 0),
    }
}

fn login() -> Event {
    event(Act::Login, Outcome::Pair("t0".to_owned()), 0, 10)
}

fn refresh(token: &str, successor: &str, invoked: Micros, returned: Micros) -> Event {
    let outcome = Outcome::Pair(successor.to_owned());
    event(Act::Refresh(token.to_owned()), outcome, invoked, returned)
}

fn refused(token: &str, invoked: Micros, returned: Micros) -> Event {
    event(
        Act::Refresh(token.to_owned()),
        Outcome::Refused,
        invoked,
        returned,
    )
}

fn lost(token: &str, invoked: Micros, returned: Micros) -> Event {
    event(
        Act::Refresh(token.to_owned()),
        Outcome::Unknown,
        invoked,
        returned,
    )
}

fn end(invoked: Micros, returned: Micros) -> Event {
    event(Act::End, Outcome::Done, invoked, returned)
}

fn accepted(invoked: Micros, returned: Micros) -> Event {
    event(Act::Use, Outcome::Done, invoked, returned)
}

fn turned_away(invoked: Micros, returned: Micros) -> Event {
    event(Act::Use, Outcome::Refused, invoked, returned)
}

/// The same, asked of a process of instance 1 that was started at that time.
fn elsewhere(event: Event, born: Micros) -> Event {
    Event {
        at: (1, born),
        ..event
    }
}

#[track_caller]
fn is_good(events: impl IntoIterator<Item = Event>) {
    let events: Vec<_> = [login()].into_iter().chain(events).collect();
    assert_eq!(check(&events, POLICY), []);
}

#[track_caller]
fn breaks(rule: Rule, events: impl IntoIterator<Item = Event>) {
    let events: Vec<_> = [login()].into_iter().chain(events).collect();
    let mut rules: Vec<_> = check(&events, POLICY).iter().map(|v| v.rule).collect();
    rules.dedup();
    assert_eq!(rules, [rule]);
}

#[test]
fn a_life_from_login_to_logout_is_good() {
    is_good([
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
fn tabs_that_race_get_one_successor() {
    is_good([refresh("t0", "t1", 20, 90), refresh("t0", "t1", 30, 60)]);
    breaks(
        Rule::OneSuccessor,
        [refresh("t0", "t1", 20, 90), refresh("t0", "other", 30, 60)],
    );
}

#[test]
fn a_successor_has_one_predecessor() {
    breaks(
        Rule::OneSuccessor,
        [refresh("t0", "t1", 20, 30), refresh("t1", "t1", 40, 50)],
    );
    breaks(Rule::OneSuccessor, [refresh("t0", "t0", 20, 30)]);
}

#[test]
fn what_was_under_way_when_the_session_ended_may_succeed() {
    is_good([refresh("t0", "t1", 20, 90), end(30, 60), refused("t1", 100, 110)]);
}

#[test]
fn no_tokens_come_after_a_logout() {
    breaks(Rule::FinalEnd, [end(20, 30), refresh("t0", "t1", 40, 50)]);
}

#[test]
fn no_tokens_come_after_a_replay_was_refused() {
    let stolen = [
        refresh("t0", "t1", 20, 30),
        refresh("t1", "t2", 40, 50),
        refused("t0", 60, 70),
    ];
    is_good(stolen.clone().into_iter().chain([refused("t2", 80, 90)]));
    breaks(
        Rule::FinalEnd,
        stolen.into_iter().chain([refresh("t2", "t3", 80, 90)]),
    );
}

#[test]
fn no_tokens_come_after_anybody_was_told_of_the_end() {
    let unknown_end = event(Act::End, Outcome::Unknown, 20, 30);
    is_good([unknown_end.clone(), refresh("t0", "t1", 40, 50)]);
    is_good([unknown_end.clone(), turned_away(40, 50), refused("t0", 60, 70)]);
    breaks(
        Rule::FinalEnd,
        [
            unknown_end.clone(),
            turned_away(40, 50),
            refresh("t0", "t1", 60, 70),
        ],
    );
    let not_found = event(Act::End, Outcome::Refused, 40, 50);
    breaks(
        Rule::FinalEnd,
        [unknown_end, not_found, refresh("t0", "t1", 60, 70)],
    );
}

#[test]
fn another_instance_may_accept_an_access_token_as_long_as_the_bound() {
    is_good([end(20, 30), elsewhere(accepted(1_030, 1_040), 5)]);
    breaks(
        Rule::KnownEnd,
        [end(20, 30), elsewhere(accepted(1_031, 1_040), 5)],
    );
}

#[test]
fn an_instance_that_is_started_after_the_end_knows_it_from_the_first() {
    breaks(Rule::KnownEnd, [end(20, 30), elsewhere(accepted(50, 60), 40)]);
    is_good([end(20, 30), elsewhere(accepted(50, 60), 25)]);
}

#[test]
fn the_instance_that_acknowledged_the_end_knows_it_at_once() {
    breaks(Rule::KnownEnd, [end(20, 30), accepted(31, 32)]);
    is_good([end(20, 30), accepted(25, 32)]);
}

#[test]
fn a_token_of_two_generations_ago_brings_nothing() {
    let two = [refresh("t0", "t1", 20, 30), refresh("t1", "t2", 40, 50)];
    breaks(
        Rule::FoundReplay,
        two.clone().into_iter().chain([refresh("t0", "t1", 60, 70)]),
    );
    // Here the first may have been decided before the last rotation was.
    is_good(two.into_iter().chain([refresh("t0", "t1", 45, 70)]));
}

#[test]
fn the_predecessor_brings_nothing_after_the_grace() {
    is_good([refresh("t0", "t1", 20, 30), refresh("t0", "t1", 2_040, 2_050)]);
    breaks(
        Rule::FoundReplay,
        [refresh("t0", "t1", 20, 30), refresh("t0", "t1", 2_041, 2_050)],
    );
}

#[test]
fn an_owner_alone_is_not_refused_within_the_grace() {
    breaks(
        Rule::NoRefusalForNothing,
        [refresh("t0", "t1", 20, 30), refused("t0", 1_000, 1_010)],
    );
    breaks(
        Rule::NoRefusalForNothing,
        [lost("t0", 20, 30), refused("t0", 1_000, 1_010)],
    );
    // After it a retry cannot be told from a theft.
    is_good([lost("t0", 20, 30), refused("t0", 2_020, 2_030)]);
}

#[test]
fn what_was_acknowledged_is_not_forgotten() {
    // As if the rotation had been lost with the instance: a generation that the session has not reached.
    breaks(
        Rule::NoRefusalForNothing,
        [refresh("t0", "t1", 20, 30), refused("t1", 60, 70)],
    );
    breaks(Rule::NoRefusalForNothing, [refused("t0", 60, 70)]);
}

#[test]
fn a_live_session_is_neither_refused_nor_not_found() {
    breaks(Rule::NoRefusalForNothing, [turned_away(60, 70)]);
    let not_found = event(Act::End, Outcome::Refused, 60, 70);
    breaks(Rule::NoRefusalForNothing, [not_found]);
    // What was asked for only later is no reason.
    breaks(Rule::NoRefusalForNothing, [turned_away(60, 70), end(80, 90)]);
}

#[test]
fn whoever_comes_late_in_a_crowd_may_be_taken_for_a_thief() {
    is_good([
        refresh("t0", "t1", 20, 30),
        refused("t0", 35, 90),
        refresh("t1", "t2", 40, 50),
    ]);
}

fn record(deed: Deed, status: Option<u16>, (invoked, returned): (Micros, Micros)) -> Record {
    Record {
        instance: 0,
        born: 0,
        user: 0,
        session: Some("s".to_owned()),
        deed,
        status,
        successor: None,
        invoked,
        returned,
    }
}

#[test]
fn only_an_outage_excuses_answers_that_are_none() {
    let outage = Outage {
        instance: 0,
        from: 100,
        until: 200,
    };
    for (status, invoked, returned, is_odd) in [
        (Some(503), 90, 110, false),
        (None, 190, 300, false),
        (None, 50, 90, true),
        (Some(503), 210, 300, true),
        (Some(500), 110, 120, true),
        (Some(403), 300, 310, true),
        (Some(401), 300, 310, false),
    ] {
        let records = [record(Deed::Me, status, (invoked, returned))];
        assert_eq!(
            odd_answers(&records, &[outage]).len(),
            usize::from(is_odd),
            "{records:?}"
        );
    }
    let elsewhere = Record {
        instance: 1,
        ..record(Deed::Me, None, (110, 120))
    };
    assert_eq!(odd_answers(&[elsewhere], &[outage]).len(), 1);
}

#[test]
fn a_logout_of_all_ends_the_sessions_that_were_open_and_may_end_those_that_were_being_opened() {
    let login = |session: &str, times| Record {
        session: Some(session.to_owned()),
        successor: Some(format!("{session}-t0")),
        ..record(Deed::Login, Some(200), times)
    };
    let all = |status| record(Deed::LogoutAll, Some(status), (100, 200));
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
            events.find(|e| e.act == Act::End).map(|e| e.outcome.clone())
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
fn a_deletion_by_id_is_an_end_of_one_session_and_a_use_of_another() {
    let deletion = record(Deed::Delete("target".to_owned()), Some(404), (100, 200));
    let sessions = by_session(&[deletion]);
    assert_eq!(sessions["s"][0].act, Act::Use);
    assert_eq!(sessions["s"][0].outcome, Outcome::Done);
    assert_eq!(sessions["target"][0].act, Act::End);
    assert_eq!(sessions["target"][0].outcome, Outcome::Refused);
}
