//! Remembering what the throttle turned away.

use core::net::IpAddr;
use core::time::Duration;

use crate::audit::{Event, EventKind, EventOutcome, Occasion};
use crate::ports::{Entropy, StoreResult, Transactions, UnitOfWork};
use crate::time::Timestamp;

/// Requests that the throttle turned away, counted together: there may be thousands a second, and one entry is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals {
    /// The class of routes, as the throttle calls it.
    pub class: &'static str,
    /// The network whose requests were counted together, as the throttle counts them; `None` for those of networks that
    /// were too many to be told apart.
    pub network: Option<String>,
    /// How many there were.
    pub count: u64,
    /// When the first of them came.
    pub since: Timestamp,
    /// The address of the first of them, if they are of one network.
    pub ip: Option<IpAddr>,
    /// The first of the requests.
    pub request_id: String,
}

/// Writes what the throttle turned away into the audit log.
pub struct RecordRefusals<'a> {
    /// Where the log is kept.
    pub store: &'a dyn UnitOfWork,
    /// Makes the ids of events.
    pub entropy: &'a dyn Entropy,
}

impl RecordRefusals<'_> {
    /// Writes one event for each, in one transaction: all of them or none.
    pub fn execute(&self, refusals: &[Refusals], now: Timestamp) -> StoreResult<()> {
        let events: Vec<Event> = refusals
            .iter()
            .map(|refusals| self.event(refusals, now))
            .collect();
        self.store
            .transaction(|repos| events.iter().try_for_each(|event| repos.events().append(event)))
    }

    fn event(&self, refusals: &Refusals, now: Timestamp) -> Event {
        let occasion = Occasion {
            now,
            request_id: refusals.request_id.clone(),
            ip: refusals.ip,
            user_agent: None,
        };
        let event = Event::new(
            EventKind::ThrottleRefused,
            EventOutcome::Failure,
            &occasion,
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

/// Rounded up, so that what began within the last second has a length.
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs()
        .saturating_add(u64::from(span.subsec_nanos() > 0))
        .max(1)
}
