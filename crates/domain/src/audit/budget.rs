//! The budget of audit events that a user can cause at will.
//!
//! A few kinds of events are caused by requests that cost next to nothing and can be repeated without end: changing one's
//! name, refreshing an ended session, refreshing from one address and then another. Without a bound, any registered user
//! could fill the audit log. So each user has a budget for each of these kinds, and what exceeds it is folded into a summary
//! with a count. All other events are always written on their own.

use core::time::Duration;

use crate::subject::Subject;
use crate::time::Timestamp;

use super::{Event, EventKind, EventOutcome};

/// The events that share a budget, and a summary.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventGroup {
    /// The kind.
    pub kind: EventKind,
    /// The outcome.
    pub outcome: EventOutcome,
    /// The user. `None` for all users beyond the number that is told apart.
    pub subject: Option<Subject>,
}

impl EventGroup {
    /// The group in whose summary an event may be folded; `None` if it has to be written on its own.
    pub fn of(event: &Event) -> Option<Self> {
        let subject = event.subject.as_ref()?;
        let may_be_folded = match event.kind {
            // An administrator's change of somebody else's account is written.
            EventKind::UserUpdated => event.actor.as_ref() == Some(subject),
            EventKind::SessionRefreshed | EventKind::SessionRepeated => true,
            // Each changes who can do what, ends something, or costs its author a password hash.
            EventKind::UserRegistered
            | EventKind::UserCreated
            | EventKind::UserDeleted
            | EventKind::RolesChanged
            | EventKind::StatusChanged
            | EventKind::UserUnlocked
            | EventKind::LoginSucceeded
            | EventKind::LoginFailed
            | EventKind::SessionEnded
            | EventKind::SessionReplayed
            | EventKind::PasswordChanged
            | EventKind::SetupCompleted
            | EventKind::KeyRotated
            | EventKind::MailFailed
            // Summaries themselves.
            | EventKind::LoginRefused
            | EventKind::ThrottleRefused => false,
        };
        may_be_folded.then(|| Self {
            kind: event.kind,
            outcome: event.outcome,
            subject: Some(subject.clone()),
        })
    }
}

/// How many events of one group are written on their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventBudget {
    /// How many at once.
    pub burst: u32,
    /// After how long there is room for another one.
    pub every: Duration,
}

impl Default for EventBudget {
    fn default() -> Self {
        Self {
            burst: 20,
            every: Duration::from_secs(60),
        }
    }
}

impl EventBudget {
    /// Spends one event. `full_at` is when the budget will be full again, `None` if nothing was spent yet. Returns when it
    /// will be full after this event, or `None` if there is no room for it.
    pub fn spend(&self, full_at: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let full_at = full_at.filter(|at| !self.is_full(*at, now)).unwrap_or(now);
        let next = full_at + self.every;
        (next.since(now) <= self.refill_time()).then_some(next)
    }

    /// Whether a budget is full. Also if it will be so later than an empty one could be: the clock was set back.
    pub fn is_full(&self, full_at: Timestamp, now: Timestamp) -> bool {
        full_at <= now || full_at.since(now) > self.refill_time()
    }

    /// How long an empty budget needs to be full again.
    fn refill_time(&self) -> Duration {
        self.every.saturating_mul(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::context::RequestContext;
    use crate::entropy::MockEntropy;
    use crate::id::{RequestId, UserId};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const USER: UserId = UserId::from_bytes([1; 16]);

    fn event(kind: EventKind) -> Event {
        let mut entropy = MockEntropy::new();
        entropy.expect_fill().returning(|bytes| bytes.fill(7));
        let context = RequestContext {
            now: NOW,
            request_id: RequestId::from_bytes([2; 16]),
            ip: None,
            user_agent: None,
        };
        Event::new(kind, EventOutcome::Success, &context, &entropy)
    }

    #[test]
    fn only_what_costs_its_author_nothing_may_be_folded() {
        let folded: Vec<_> = EventKind::ALL
            .iter()
            .filter(|kind| EventGroup::of(&event(**kind).of(USER).by(USER)).is_some())
            .map(|kind| kind.as_str())
            .collect();
        assert_eq!(folded, ["user.updated", "session.refreshed", "session.repeated"]);
        assert_eq!(EventGroup::of(&event(EventKind::SessionRefreshed)), None);
    }

    #[test]
    fn a_change_by_an_administrator_is_never_folded() {
        let renamed = event(EventKind::UserUpdated).of(USER);
        assert_eq!(EventGroup::of(&renamed), None);
        assert_eq!(EventGroup::of(&renamed.by(UserId::from_bytes([9; 16]))), None);
    }

    #[test]
    fn a_burst_is_written_and_then_one_a_minute() {
        let budget = EventBudget::default();
        let mut full_at = None;
        let mut written = 0;
        for second in 0..600 {
            let now = NOW + Duration::from_secs(second);
            for _ in 0..20 {
                if let Some(spent) = budget.spend(full_at, now) {
                    full_at = Some(spent);
                    written += 1;
                }
            }
        }
        assert_eq!(written, 20 + 9);
    }

    #[test]
    fn a_clock_that_was_set_back_empties_no_budget() {
        let budget = EventBudget::default();
        let ahead = budget.spend(None, NOW + Duration::from_hours(24));
        assert!(budget.spend(ahead, NOW).is_some());
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_the_burst_and_what_was_refilled(
            pauses in proptest::collection::vec(0_u64..200, 1..200),
        ) {
            let budget = EventBudget::default();
            let (mut now, mut full_at) = (NOW, None);
            let mut written: Vec<Timestamp> = Vec::new();
            for pause in pauses {
                now = now + Duration::from_secs(pause);
                if let Some(spent) = budget.spend(full_at, now) {
                    full_at = Some(spent);
                    written.push(now);
                }
            }
            for (index, first) in written.iter().enumerate() {
                for (count, last) in (1..).zip(&written[index..]) {
                    let refilled = last.since(*first).as_secs() / 60;
                    prop_assert!(count <= u64::from(budget.burst) + refilled + 1);
                }
            }
        }
    }
}
