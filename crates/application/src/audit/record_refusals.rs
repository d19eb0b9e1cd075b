//! Recording of requests that the throttle rejected.

use core::net::IpAddr;

use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::RequestId;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::{Timestamp, whole_seconds};

/// A count of requests that the throttle rejected: one audit event is written for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals {
    /// The throttle's name for the class of routes.
    pub class: &'static str,
    /// The network of the requests, as the throttle groups addresses; `None` for networks beyond the number that are counted
    /// separately.
    pub network: Option<String>,
    /// The number of rejected requests.
    pub count: u64,
    /// When the first one was rejected.
    pub since: Timestamp,
    /// The client address of the first one, if all are of one network.
    pub ip: Option<IpAddr>,
    /// The id of the first one.
    pub request_id: RequestId,
}

/// Writes counts of rejected requests to the audit log.
pub struct RecordRefusals<'a> {
    /// Stores the audit log.
    pub store: &'a dyn UnitOfWork,
    /// Generates the ids of audit events.
    pub entropy: &'a dyn Entropy,
}

impl RecordRefusals<'_> {
    /// Writes one event for each count, in one transaction.
    pub fn execute(&self, refusals: &[Refusals], now: Timestamp) -> StoreResult<()> {
        let events: Vec<Event> = refusals
            .iter()
            .map(|refusals| self.event(refusals, now))
            .collect();
        self.store
            .transaction(|repos| events.iter().try_for_each(|event| repos.events().append(event)))
    }

    fn event(&self, refusals: &Refusals, now: Timestamp) -> Event {
        let context = RequestContext {
            now,
            request_id: refusals.request_id,
            ip: refusals.ip,
            user_agent: None,
        };
        let event = Event::new(
            EventKind::ThrottleRefused,
            EventOutcome::Failure,
            &context,
            self.entropy,
        )
        .with("class", refusals.class)
        .with("count", refusals.count.to_string())
        .with("seconds", whole_seconds(now.since(refusals.since)).to_string());
        match &refusals.network {
            Some(network) => event.with("network", network.as_str()),
            None => event.with("network", "others"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_domain::entropy::MockEntropy;
    use doorward_domain::mock_store::MockStore;
    use doorward_domain::store::{MockRepositories, Verdict};
    use doorward_domain::store_error::StoreError;

    const FIRST: RequestId = RequestId::from_bytes([1; 16]);
    const NOW: Timestamp = Timestamp::from_micros(1_800_000_060_000_001);

    fn refusals(network: Option<&str>) -> Refusals {
        Refusals {
            class: "refresh",
            network: network.map(str::to_owned),
            count: 40,
            since: Timestamp::from_unix_seconds(1_800_000_000),
            ip: network.map(|_| IpAddr::from([192, 0, 2, 1])),
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
                let is_one =
                    event.ip == Some(IpAddr::from([192, 0, 2, 1])) && says("network") == Some("192.0.2.1/32");
                let is_rest = event.ip.is_none() && says("network") == Some("others");
                event.kind == EventKind::ThrottleRefused
                    && (event.at, event.outcome) == (NOW, EventOutcome::Failure)
                    && event.request_id == FIRST
                    && (is_one || is_rest)
                    && says("class") == Some("refresh")
                    && says("count") == Some("40")
                    && says("seconds") == Some("61")
            })
            .returning(move |_| outcome());
        let store = MockStore::new(repositories);
        let mut entropy = MockEntropy::new();
        entropy.expect_fill().returning(|bytes| bytes.fill(7));
        let record = RecordRefusals {
            store: &store,
            entropy: &entropy,
        };
        let outcome = record.execute(&[refusals(Some("192.0.2.1/32")), refusals(None)], NOW);
        (outcome, store.verdicts())
    }

    #[test]
    fn an_event_records_count_network_and_period() {
        assert_eq!(record(|| Ok(())), (Ok(()), vec![Verdict::Commit]));
    }

    #[test]
    fn events_are_written_in_one_transaction() {
        let away = || Err(StoreError::Unavailable("planted".to_owned()));
        assert_eq!(record(away), (away(), vec![Verdict::RollBack]));
    }
}
