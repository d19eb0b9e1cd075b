//! Folds audit events that exceed the budget of a user.
//!
//! The first ones are written in the transaction of what they record, as all others. What exceeds the budget is counted when
//! that transaction has committed, and written once a minute, as one event for each kind, outcome and user.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use doorward_application::Summary;
use doorward_domain::audit::{Event, EventBudget, EventGroup, EventKind, EventOutcome};
use doorward_domain::id::RequestId;
use doorward_domain::subject::Subject;
use doorward_domain::time::Timestamp;
use prometheus::{IntCounter, IntGauge, Registry};

use crate::error::StartError;

use super::counter::{Counted, Counter};

/// How many budgets are kept, at about a hundred bytes each. The users of further ones share a budget.
const MAX_BUDGETS: usize = 16_384;

/// How many users are counted separately between two summaries.
const MAX_USERS: usize = 1024;

type Group = (EventKind, EventOutcome);

/// Decides which audit events are written, and counts the others.
pub(crate) struct EventFolder {
    budgets: Mutex<Budgets>,
    counter: Mutex<Counter<Group, Subject>>,
    repeats: IntCounter,
    replays: IntCounter,
    folded: IntCounter,
    /// Events that are counted but not written yet.
    unrecorded: IntGauge,
}

/// The events of one run of a transaction.
#[derive(Default)]
pub(crate) struct TransactionEvents {
    repeats: u64,
    replays: u64,
    folded: Vec<FoldedEvent>,
}

struct FoldedEvent {
    group: EventGroup,
    ip: Option<IpAddr>,
    request_id: RequestId,
    at: Timestamp,
}

#[derive(Default)]
struct Budgets {
    budget: EventBudget,
    full_at: HashMap<EventGroup, Timestamp>,
}

impl TransactionEvents {
    /// Adds sessions that were ended by a replay. Their events are written with the end of the session, and never folded.
    pub(crate) const fn add_replays(&mut self, replays: u64) {
        self.replays += replays;
    }
}

impl EventFolder {
    /// Registers the metrics in `registry`.
    pub(crate) fn new(registry: &Registry) -> Result<Self, StartError> {
        let counter = |name, help| -> Result<IntCounter, StartError> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let unrecorded = IntGauge::new(
            "doorward_audit_folded_unrecorded",
            "Folded audit events that are not in the audit log yet.",
        )?;
        registry.register(Box::new(unrecorded.clone()))?;
        Ok(Self {
            budgets: Mutex::default(),
            counter: Mutex::new(Counter::new(MAX_USERS)),
            repeats: counter(
                "doorward_session_repeats_total",
                "Refreshes repeated within the grace window from another address or client than the rotation.",
            )?,
            replays: counter(
                "doorward_session_replays_total",
                "Sessions ended because a used refresh token was presented.",
            )?,
            folded: counter(
                "doorward_audit_folded_total",
                "Audit events that were folded into a summary because they exceeded the budget of their user.",
            )?,
            unrecorded,
        })
    }

    /// Whether an event of a transaction is to be written. If not, it is among `events`.
    pub(crate) fn admits(&self, event: &Event, events: &mut TransactionEvents) -> bool {
        events.repeats += u64::from(event.kind == EventKind::SessionRepeated);
        let Some(group) = hold(&self.budgets).fold(event) else {
            return true;
        };
        events.folded.push(FoldedEvent {
            group,
            ip: event.ip,
            request_id: event.request_id,
            at: event.at,
        });
        false
    }

    /// Counts the events of a transaction that has committed, or may have.
    pub(crate) fn committed(&self, events: TransactionEvents) {
        self.repeats.inc_by(events.repeats);
        self.replays.inc_by(events.replays);
        if events.folded.is_empty() {
            return;
        }
        let mut counter = hold(&self.counter);
        for FoldedEvent {
            group,
            ip,
            request_id,
            at,
        } in events.folded
        {
            self.folded.inc();
            self.unrecorded.inc();
            counter.add((group.kind, group.outcome), group.subject, ip, request_id, at);
        }
    }

    pub(super) const fn counter(&self) -> &Mutex<Counter<Group, Subject>> {
        &self.counter
    }

    pub(super) const fn unrecorded(&self) -> &IntGauge {
        &self.unrecorded
    }
}

/// The summary of the events of one user.
pub(super) fn summary(counted: &Counted<Group, Subject>) -> Summary {
    let (kind, outcome) = counted.group;
    let others = counted.member.is_none();
    Summary {
        kind,
        outcome,
        subject: counted.member.clone(),
        detail: if others {
            vec![("user", "others".to_owned())]
        } else {
            Vec::new()
        },
        count: counted.count.requests,
        since: counted.count.since,
        ip: counted.count.ip,
        request_id: counted.count.request_id,
    }
}

impl Budgets {
    /// The group in whose summary the event is to be folded; `None` if it is to be written.
    fn fold(&mut self, event: &Event) -> Option<EventGroup> {
        let mut group = EventGroup::of(event)?;
        let (budget, now) = (self.budget, event.at);
        if self.full_at.len() >= MAX_BUDGETS && !self.full_at.contains_key(&group) {
            self.full_at.retain(|_, full_at| !budget.is_full(*full_at, now));
            if self.full_at.len() >= MAX_BUDGETS {
                // As many of these as there are kinds and outcomes.
                group.subject = None;
            }
        }
        match budget.spend(self.full_at.get(&group).copied(), now) {
            Some(full_at) => {
                self.full_at.insert(group, full_at);
                None
            }
            None => Some(group),
        }
    }
}

/// Nothing panics while a lock is held, so a poisoned lock guards a consistent state.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use doorward_domain::context::RequestContext;
    use doorward_domain::id::UserId;
    use doorward_testkit::{SeededEntropy, context, sample::START};

    use super::*;

    fn refused(user: u32, after: Duration) -> Event {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&user.to_be_bytes());
        let context: RequestContext = context(START + after);
        let entropy = SeededEntropy::new(1);
        Event::new(
            EventKind::SessionRefreshed,
            EventOutcome::Failure,
            &context,
            &entropy,
        )
        .of(UserId::from_bytes(id))
    }

    #[test]
    fn users_beyond_the_limit_share_a_budget_until_others_are_full_again() {
        let mut budgets = Budgets::default();
        let most = u32::try_from(MAX_BUDGETS).unwrap();
        for user in 0..most {
            assert_eq!(budgets.fold(&refused(user, Duration::ZERO)), None);
        }
        let folded = (most..most + 100)
            .filter_map(|user| budgets.fold(&refused(user, Duration::ZERO)))
            .collect::<Vec<_>>();
        assert_eq!(folded.len(), 80);
        assert!(folded.iter().all(|group| group.subject.is_none()));
        assert_eq!(budgets.full_at.len(), MAX_BUDGETS + 1);
        let later = Duration::from_mins(30);
        assert_eq!(budgets.fold(&refused(most + 200, later)), None);
        assert_eq!(budgets.full_at.len(), 1);
    }
}
