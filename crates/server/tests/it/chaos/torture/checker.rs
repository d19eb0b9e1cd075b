//! Checks whether the history of one session could come from a correct implementation. A pure function.
//!
//! Each event takes effect at some instant between its invocation and its return; an event of unknown outcome takes
//! effect at any instant after its invocation, or never. A rule is violated only if no choice of instants satisfies it:
//!
//! 1. **One successor.** The same refresh token returns the same successor, and no two tokens return the same one.
//! 2. **The end is final.** Once a client has learned that the session has ended (ended, refused, not found), no
//!    refresh invoked later returns tokens.
//! 3. **The end is known.** No access token is accepted that is presented later than the bound after the end; none at
//!    all by an instance that was started after it; and none by the instance that acknowledged the end itself.
//! 4. **A replay is detected.** A token whose successor has itself been used, or whose successor was returned longer
//!    ago than the grace window, returns no tokens. (If it was refused, rule 2 requires that the session has ended.)
//! 5. **No unjustified refusal.** A refusal must be preceded by something that may have ended the session: an end, or a
//!    refresh that may have been a replay. A lost acknowledged rotation violates this rule, and so does a sole client
//!    that is refused within the grace window.

use std::collections::{BTreeMap, BTreeSet};

use crate::harness::measure::Micros;

use super::history::{Event, Outcome, SessionOperation};

/// The configured bounds.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// The grace window: how long after a rotation the previous token is accepted.
    pub grace: Micros,
    /// How long after an end access tokens may still be accepted.
    pub bound: Micros,
    /// The most that the service's wall clock may deviate from the test's clock within a grace window.
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

/// A violated rule, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub rule: Rule,
    pub why: String,
}

/// All violations in the history of one session.
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
    /// The successors that each token returned.
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
        let mut report = |why| {
            violations.push(Violation {
                rule: Rule::OneSuccessor,
                why,
            });
        };
        let mut predecessors: BTreeMap<&str, &str> = BTreeMap::new();
        for event in self.events {
            if let (SessionOperation::Login, Outcome::Pair(token)) = (&event.operation, &event.outcome)
                && predecessors.insert(token, "the login").is_some()
            {
                report(format!("two logins returned {token}"));
            }
        }
        for (token, successors) in &self.successors {
            if successors.len() > 1 {
                report(format!("{token} returned {successors:?}"));
            }
            for successor in successors {
                if let Some(other) = predecessors.insert(successor, token) {
                    report(format!("{successor} is the successor of {other} and of {token}"));
                }
            }
        }
        for token in self.events.iter().filter_map(Event::presented) {
            if !predecessors.contains_key(token) {
                report(format!("{token} was never returned"));
            }
        }
    }

    /// The first event after whose return the session has certainly ended.
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

    /// Whether the same process has acknowledged the end before.
    fn was_ended_by(&self, asked: &Event) -> bool {
        self.events.iter().any(|event| {
            event.operation == SessionOperation::End
                && event.outcome == Outcome::Done
                && event.at == asked.at
                && event.returned < asked.invoked
        })
    }

    fn replays(&self, violations: &mut Vec<Violation>) {
        // When the successor of a token was first returned to a client.
        let acknowledged = |token: &str| {
            let pairs = self
                .presenting(token)
                .filter(|event| event.returned_token().is_some());
            pairs.map(|event| event.returned).min()
        };
        for event in self.events {
            let (Some(token), Some(successor)) = (event.presented(), event.returned_token()) else {
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

    fn returned_token(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Pair(token) => Some(token),
            _ => None,
        }
    }

    /// Whether the response proves that the session has ended. A refused refresh does whatever the reason: an authentic
    /// token is refused because the session has ended, or ends it.
    fn proves_the_end(&self) -> bool {
        match self.operation {
            SessionOperation::Login => false,
            SessionOperation::End => matches!(self.outcome, Outcome::Done | Outcome::Refused),
            SessionOperation::Refresh(_) | SessionOperation::Use => self.outcome == Outcome::Refused,
        }
    }
}
