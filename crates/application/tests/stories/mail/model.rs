//! The delivery of a mail, explored exhaustively.
//!
//! The decision is the domain's own. Around it are one row of the outbox, its job with a lease that may end at any moment, two
//! workers whose steps (claim, begin, send, settle) interleave in every order, and a crash after each of them.
//!
//! A model that finds nothing might explore nothing: interesting states have to be reached, and each planted defect has to be
//! detected.

use doorward_domain::clock::ClockReading;
use doorward_domain::mail::{Delivery, DeliveryEvent, DeliveryState, decide};
use doorward_testkit::sample::{START, after};
use stateright::{Checker, HasDiscoveries, Model, Property};

const WORKERS: usize = 2;
/// How often the job is claimed at most.
const CLAIMS: u32 = 4;

/// The time stands still.
const NOW: ClockReading = ClockReading::trusted(START);

const NEW: Delivery = Delivery {
    state: DeliveryState::Queued,
    attempt: 0,
    // Later than `NOW`.
    expires_at: doorward_domain::time::Timestamp::from_unix_seconds(1_800_000_000),
};

/// What is wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Defect {
    /// An attempt settles whatever the row is now.
    SettlesUnconditionally,
    /// A mail is sent although the row says that its delivery has ended.
    SendsAgain,
    /// The mail is stored as sent before it is sent.
    SettlesFirst,
}

#[derive(Debug, Clone)]
struct Protocol {
    defect: Option<Defect>,
}

/// A worker with the number of its attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Worker {
    Idle,
    Claimed(u32),
    Started(Delivery),
    Sent(Delivery, DeliveryEvent),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    row: Delivery,
    /// The number of claims of the job.
    claims: u32,
    workers: [Worker; WORKERS],
    /// How often the next server has accepted the mail.
    accepted: u32,
    wrong: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Claim(usize),
    Begin(usize),
    Send(usize, DeliveryEvent),
    Settle(usize),
    Crash(usize),
}

const ENDS_STAY: &str = "nothing leaves an end";
const SENT_IS_TRUE: &str = "a mail that is stored as sent was accepted";
const NO_SEND_AFTER_THE_END: &str = "no attempt begins after the end";
const LATEST_SETTLES: &str = "only the latest attempt settles";

impl Protocol {
    /// Stores a decision on what the worker knows, on condition that the row is still that.
    fn store(
        &self,
        state: &mut State,
        known: &Delivery,
        next: Option<Delivery>,
        event: DeliveryEvent,
    ) -> bool {
        let is_unconditional = self.defect == Some(Defect::SettlesUnconditionally);
        let Some(next) = next.filter(|_| is_unconditional || state.row == *known) else {
            return false;
        };
        if state.row.state.ended_at().is_some() {
            state.wrong = Some(ENDS_STAY);
        } else if event != DeliveryEvent::Due && next.attempt < state.row.attempt {
            state.wrong = Some(LATEST_SETTLES);
        }
        state.row = next;
        true
    }

    fn begin(&self, state: &mut State, attempt: u32) -> Worker {
        let known = state.row;
        if self.defect == Some(Defect::SendsAgain) && known.state.ended_at().is_some() {
            state.wrong = Some(NO_SEND_AFTER_THE_END);
            return Worker::Started(known);
        }
        match decide(&known, attempt, DeliveryEvent::Due, NOW) {
            Some(leased) if leased.state == DeliveryState::Leased => {
                let stored = self.store(state, &known, Some(leased), DeliveryEvent::Due);
                if !stored {
                    return Worker::Idle;
                }
                if self.defect == Some(Defect::SettlesFirst) {
                    let sent = decide(&leased, attempt, DeliveryEvent::Delivered, NOW);
                    self.store(state, &leased, sent, DeliveryEvent::Delivered);
                }
                Worker::Started(leased)
            }
            _ => Worker::Idle,
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            row: NEW,
            claims: 0,
            workers: [Worker::Idle; WORKERS],
            accepted: 0,
            wrong: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        for (number, worker) in state.workers.iter().enumerate() {
            match worker {
                Worker::Idle if state.claims < CLAIMS => actions.push(Step::Claim(number)),
                Worker::Idle => {}
                Worker::Claimed(_) => actions.push(Step::Begin(number)),
                Worker::Started(_) => actions.extend(
                    [
                        DeliveryEvent::Delivered,
                        DeliveryEvent::Retry,
                        DeliveryEvent::Refused,
                    ]
                    .map(|event| Step::Send(number, event)),
                ),
                Worker::Sent(..) => actions.push(Step::Settle(number)),
            }
            if *worker != Worker::Idle {
                actions.push(Step::Crash(number));
            }
        }
    }

    fn next_state(&self, before: &State, step: Step) -> Option<State> {
        let mut state = before.clone();
        match step {
            Step::Claim(number) => {
                state.claims += 1;
                state.workers[number] = Worker::Claimed(state.claims);
            }
            Step::Begin(number) => {
                let Worker::Claimed(attempt) = state.workers[number] else {
                    return None;
                };
                state.workers[number] = self.begin(&mut state, attempt);
            }
            Step::Send(number, event) => {
                let Worker::Started(known) = state.workers[number] else {
                    return None;
                };
                state.accepted += u32::from(event == DeliveryEvent::Delivered);
                state.workers[number] = Worker::Sent(known, event);
            }
            Step::Settle(number) => {
                let Worker::Sent(known, event) = state.workers[number] else {
                    return None;
                };
                let next = decide(&known, known.attempt, event, NOW);
                self.store(&mut state, &known, next, event);
                state.workers[number] = Worker::Idle;
            }
            Step::Crash(number) => state.workers[number] = Worker::Idle,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ENDS_STAY, |_, state: &State| state.wrong != Some(ENDS_STAY)),
            Property::always(LATEST_SETTLES, |_, state: &State| {
                state.wrong != Some(LATEST_SETTLES)
            }),
            Property::always(NO_SEND_AFTER_THE_END, |_, state: &State| {
                state.wrong != Some(NO_SEND_AFTER_THE_END)
            }),
            Property::always(SENT_IS_TRUE, |_, state: &State| {
                !matches!(state.row.state, DeliveryState::Sent(_)) || state.accepted > 0
            }),
            Property::sometimes("a mail is accepted twice", |_, state: &State| state.accepted > 1),
            Property::sometimes(
                "a mail is accepted, and a later attempt is refused",
                |_, state: &State| state.accepted > 0 && matches!(state.row.state, DeliveryState::Dead(_)),
            ),
            Property::sometimes("a mail is sent after a crash", |_, state: &State| {
                matches!(state.row.state, DeliveryState::Sent(_)) && state.row.attempt > 1
            }),
            Property::sometimes("a mail waits again", |_, state: &State| {
                state.row.state == DeliveryState::Queued && state.row.attempt > 0
            }),
        ]
    }
}

fn check(defect: Option<Defect>, finish: HasDiscoveries) -> impl Checker<Protocol> {
    Protocol { defect }
        .checker()
        .finish_when(finish)
        .spawn_bfs()
        .join()
}

#[test]
fn a_mail_is_delivered_at_least_once_in_every_order_of_steps() {
    assert!(NEW.expires_at > after(0));
    let checker = check(None, HasDiscoveries::All);
    checker.assert_properties();
    assert!(
        checker.unique_state_count() > 500,
        "{} states",
        checker.unique_state_count()
    );
}

#[test]
fn planted_defects_are_found() {
    for (defect, property) in [
        (Defect::SettlesUnconditionally, ENDS_STAY),
        (Defect::SettlesUnconditionally, LATEST_SETTLES),
        (Defect::SendsAgain, NO_SEND_AFTER_THE_END),
        (Defect::SettlesFirst, SENT_IS_TRUE),
    ] {
        let checker = check(Some(defect), HasDiscoveries::AnyOf([property].into()));
        assert!(
            checker.discovery(property).is_some(),
            "{defect:?}: {property} is not violated"
        );
    }
}
