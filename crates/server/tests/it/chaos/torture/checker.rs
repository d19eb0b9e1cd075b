//! Could this history have come from one correct session? A pure function.
//!
//! Each event took effect at some instant between its invocation and its return, one of unknown outcome at any instant
//! after its invocation or never. A rule is broken only where no choice of instants would do:
//!
//! 1. **One successor.** The same refresh token brings the same successor, and no two tokens bring the same.
//! 2. **The end is final.** Once somebody was told that the session is over (ended, refused, not found), no refresh that is
//!    invoked later brings tokens.
//! 3. **The end is known.** No access token is accepted that is presented more than the bound after that; none at all by an
//!    instance that was started after it; and none by the instance that acknowledged the end itself.
//! 4. **A replay is found out.** A token whose successor's successor was handed out before, or whose own successor was
//!    handed out longer ago than the grace, brings no tokens. (Rule 2 has everything over when it was refused.)
//! 5. **Nobody is refused for nothing.** Whoever is refused must have been preceded by something that may have ended the
//!    session: an ending, or a refresh that may have been a replay. What was acknowledged and then lost assert_violates this rule, as
//!    does an owner who is turned away within the grace.

use std::collections::{BTreeMap, BTreeSet};

use crate::harness::measure::Micros;

use super::history::{Event, Outcome, SessionOperation};

/// What the service was told to hold.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// How long after a rotation the token before it is answered.
    pub grace: Micros,
    /// How long after an end access tokens may still be accepted.
    pub bound: Micros,
    /// How far the clock on the wall, which the service reads, may go apart from the test's within a grace window.
    pub margin: Micros,
}

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    OneSuccessor,
    EndIsFinal,
    EndIsKnown,
    ReplayIsDetected,
    NoUnjustifiedRefusal,
}

/// A rule that was broken, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub rule: Rule,
    pub why: String,
}

/// Everything that is wrong with the history of one session.
pub fn check(events: &[Event], policy: Policy) -> Vec<Violation> {
    let history = History::of(events, policy);
    let mut violations = Vec::new();
    history.successors(&mut violations);
    history.endings(&mut violations);
    history.replays(&mut violations);
    history.refusals(&mut violations);
    violations
}

struct History<'e> {
    events: &'e [Event],
    policy: Policy,
    /// What each token brought.
    successors: BTreeMap<&'e str, BTreeSet<&'e str>>,
}

impl<'e> History<'e> {
    fn of(events: &'e [Event], policy: Policy) -> Self {
        let mut successors: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for event in events {
            if let (SessionOperation::Refresh(token), Outcome::Pair(successor)) =
                (&event.operation, &event.outcome)
            {
                successors.entry(token).or_default().insert(successor);
            }
        }
        Self {
            events,
            policy,
            successors,
        }
    }

    fn successors(&self, violations: &mut Vec<Violation>) {
        let mut tell = |why| {
            violations.push(Violation {
                rule: Rule::OneSuccessor,
                why,
            });
        };
        let mut handed_out: BTreeMap<&str, &str> = BTreeMap::new();
        for event in self.events {
            if let (SessionOperation::Login, Outcome::Pair(token)) = (&event.operation, &event.outcome)
                && handed_out.insert(token, "the login").is_some()
            {
                tell(format!("two logins handed out {token}"));
            }
        }
        for (token, successors) in &self.successors {
            if successors.len() > 1 {
                tell(format!("{token} brought {successors:?}"));
            }
            for successor in successors {
                if let Some(other) = handed_out.insert(successor, token) {
                    tell(format!("{successor} came of {other} and of {token}"));
                }
            }
        }
        for token in self.events.iter().filter_map(Event::presented) {
            if !handed_out.contains_key(token) {
                tell(format!("{token} was never handed out"));
            }
        }
    }

    /// The first event after whose return the session is certainly over.
    fn end(&self) -> Option<&'e Event> {
        self.events
            .iter()
            .filter(|event| event.proves_the_end())
            .min_by_key(|event| event.returned)
    }

    fn endings(&self, violations: &mut Vec<Violation>) {
        let Some(end) = self.end() else { return };
        for event in self.events {
            let late = |rule| Violation {
                rule,
                why: format!("{event:?} came after {end:?}"),
            };
            if matches!(event.operation, SessionOperation::Refresh(_))
                && matches!(event.outcome, Outcome::Pair(_))
                && event.invoked > end.returned
            {
                violations.push(late(Rule::EndIsFinal));
            }
            if event.operation == SessionOperation::Use
                && event.outcome == Outcome::Done
                && (event.invoked > end.returned + self.policy.bound
                    || event.at.1 > end.returned
                    || self.was_ended_by(event))
            {
                violations.push(late(Rule::EndIsKnown));
            }
        }
    }

    /// Whether the very process that was asked has acknowledged the end before.
    fn was_ended_by(&self, asked: &Event) -> bool {
        self.events.iter().any(|event| {
            event.operation == SessionOperation::End
                && event.outcome == Outcome::Done
                && event.at == asked.at
                && event.returned < asked.invoked
        })
    }

    fn replays(&self, violations: &mut Vec<Violation>) {
        // When somebody was first handed what comes after a token.
        let acknowledged = |token: &str| {
            let pairs = self.presenting(token).filter(|event| event.brought().is_some());
            pairs.map(|event| event.returned).min()
        };
        for event in self.events {
            let (Some(token), Some(successor)) = (event.presented(), event.brought()) else {
                continue;
            };
            let went_on = acknowledged(successor).is_some_and(|at| at < event.invoked);
            let is_late = acknowledged(token)
                .is_some_and(|at| at + self.policy.grace + self.policy.margin < event.invoked);
            if went_on || is_late {
                violations.push(Violation {
                    rule: Rule::ReplayIsDetected,
                    why: format!("{event:?} was a replay"),
                });
            }
        }
    }

    fn refusals(&self, violations: &mut Vec<Violation>) {
        for event in self.events {
            let is_refused = event.outcome == Outcome::Refused;
            if is_refused && !self.events.iter().any(|cause| self.may_have_ended(cause, event)) {
                violations.push(Violation {
                    rule: Rule::NoUnjustifiedRefusal,
                    why: format!("{event:?} was refused, and nothing had ended the session"),
                });
            }
        }
    }

    /// Whether `cause` may have ended the session before `refused` was refused.
    fn may_have_ended(&self, cause: &Event, refused: &Event) -> bool {
        if cause.invoked > refused.returned {
            return false;
        }
        match &cause.operation {
            SessionOperation::End => cause.outcome != Outcome::Refused,
            SessionOperation::Refresh(token) => {
                let latest = match cause.outcome {
                    Outcome::Refused => cause.returned.min(refused.returned),
                    Outcome::Unknown => refused.returned,
                    _ => return false,
                };
                self.may_be_replay(cause, token, latest)
            }
            SessionOperation::Login | SessionOperation::Use => false,
        }
    }

    /// Whether presenting `token`, in this event and no later than `latest`, may have been a replay.
    fn may_be_replay(&self, event: &Event, token: &str, latest: Micros) -> bool {
        let may_have_rotated = |token: &str, before: Micros| {
            self.presenting(token).any(|other| {
                !std::ptr::eq(other, event) && other.outcome != Outcome::Refused && other.invoked <= before
            })
        };
        let went_on = self
            .successors
            .get(token)
            .is_some_and(|next| next.iter().any(|next| may_have_rotated(next, latest)));
        let before = (latest + self.policy.margin).checked_sub(self.policy.grace);
        went_on || before.is_some_and(|before| may_have_rotated(token, before))
    }

    fn presenting(&self, token: &str) -> impl Iterator<Item = &'e Event> {
        self.events
            .iter()
            .filter(move |event| event.presented() == Some(token))
    }
}

impl Event {
    fn presented(&self) -> Option<&str> {
        match &self.operation {
            SessionOperation::Refresh(token) => Some(token),
            _ => None,
        }
    }

    fn brought(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Pair(token) => Some(token),
            _ => None,
        }
    }

    /// Whether the response says that the session is over. A refresh that is refused says so whatever the reason: an
    /// authentic token that is in time is refused because the session has ended, or ends it.
    fn proves_the_end(&self) -> bool {
        match self.operation {
            SessionOperation::Login => false,
            SessionOperation::End => matches!(self.outcome, Outcome::Done | Outcome::Refused),
            SessionOperation::Refresh(_) | SessionOperation::Use => self.outcome == Outcome::Refused,
        }
    }
}
