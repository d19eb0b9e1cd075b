//! Recording of events that are too frequent for an entry each.

use core::net::IpAddr;

use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::RequestId;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;
use doorward_domain::subject::Subject;
use doorward_domain::time::{Timestamp, whole_seconds};

/// A count of requests: one audit event is written for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The kind of their event.
    pub kind: EventKind,
    /// Their outcome.
    pub outcome: EventOutcome,
    /// The user that all of them are about, if it is one.
    pub subject: Option<Subject>,
    /// What else they have in common, by name.
    pub detail: Vec<(&'static str, String)>,
    /// The number of requests.
    pub count: u64,
    /// When the first one was made.
    pub since: Timestamp,
    /// The client address of the first one, if it stands for the others.
    pub ip: Option<IpAddr>,
    /// The id of the first one.
    pub request_id: RequestId,
}

/// Writes counts of requests to the audit log.
pub struct RecordSummaries<'a> {
    /// Stores the audit log.
    pub store: &'a dyn UnitOfWork,
    /// Generates the ids of audit events.
    pub entropy: &'a dyn Entropy,
}

impl RecordSummaries<'_> {
    /// Writes one event for each count, in one transaction.
    pub fn execute(&self, summaries: &[Summary], now: Timestamp) -> StoreResult<()> {
        let events: Vec<Event> = summaries.iter().map(|summary| self.event(summary, now)).collect();
        self.store
            .transaction(|repos| events.iter().try_for_each(|event| repos.events().append(event)))
    }

    fn event(&self, summary: &Summary, now: Timestamp) -> Event {
        let context = RequestContext {
            now,
            request_id: summary.request_id,
            ip: summary.ip,
            user_agent: None,
        };
        let mut event = Event::new(summary.kind, summary.outcome, &context, self.entropy)
            .with("count", summary.count.to_string())
            .with("seconds", whole_seconds(now.since(summary.since)).to_string());
        event.subject.clone_from(&summary.subject);
        summary
            .detail
            .iter()
            .fold(event, |event, (name, value)| event.with(name, value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_domain::entropy::MockEntropy;
    use doorward_domain::id::UserId;
    use doorward_domain::mock_store::MockStore;
    use doorward_domain::store::{MockRepositories, Verdict};
    use doorward_domain::store_error::StoreError;

    const FIRST: RequestId = RequestId::from_bytes([1; 16]);
    const NOW: Timestamp = Timestamp::from_micros(1_800_000_060_000_001);
    const USER: UserId = UserId::from_bytes([3; 16]);

    fn summary() -> Summary {
        Summary {
            kind: EventKind::ThrottleRefused,
            outcome: EventOutcome::Failure,
            subject: Some(USER.into()),
            detail: vec![("class", "refresh".to_owned())],
            count: 40,
            since: Timestamp::from_unix_seconds(1_800_000_000),
            ip: Some(IpAddr::from([192, 0, 2, 1])),
            request_id: FIRST,
        }
    }

    fn record(outcome: fn() -> StoreResult<()>) -> (StoreResult<()>, Vec<Verdict>) {
        let mut repositories = MockRepositories::default();
        repositories
            .events
            .expect_append()
            .withf(|event| {
                let says = |name: &str| event.detail.get(name).map(String::as_str);
                (event.kind, event.outcome) == (EventKind::ThrottleRefused, EventOutcome::Failure)
                    && (event.at, event.request_id) == (NOW, FIRST)
                    && event.ip == Some(IpAddr::from([192, 0, 2, 1]))
                    && event.subject == Some(USER.into())
                    && says("class") == Some("refresh")
                    && says("count") == Some("40")
                    && says("seconds") == Some("61")
            })
            .returning(move |_| outcome());
        let store = MockStore::new(repositories);
        let mut entropy = MockEntropy::new();
        entropy.expect_fill().returning(|bytes| bytes.fill(7));
        let record = RecordSummaries {
            store: &store,
            entropy: &entropy,
        };
        let outcome = record.execute(&[summary(), summary()], NOW);
        (outcome, store.verdicts())
    }

    #[test]
    fn an_event_records_count_period_and_what_the_requests_have_in_common() {
        assert_eq!(record(|| Ok(())), (Ok(()), vec![Verdict::Commit]));
    }

    #[test]
    fn events_are_written_in_one_transaction() {
        let away = || Err(StoreError::Unavailable("planted".to_owned()));
        assert_eq!(record(away), (away(), vec![Verdict::RollBack]));
    }
}
