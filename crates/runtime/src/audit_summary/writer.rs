//! The background thread that writes audit summaries.
//!
//! A flood of throttled requests, or of events that one user causes, must not become a flood of rows. They are counted in
//! memory, and once a minute a background thread writes one event for each group and member (class and network, or kind and
//! user), and one for each group for all members beyond the limit. Requests do not wait for this. Counts that cannot be
//! written are kept and written later.

use std::hash::Hash;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use doorward_application::{Clock, RecordSummaries, Summary};
use doorward_domain::audit::{EventKind, EventOutcome};
use doorward_domain::entropy::Entropy;
use doorward_domain::store::UnitOfWork;
use doorward_domain::store_error::StoreError;
use doorward_domain::time::Timestamp;
use prometheus::{IntGauge, Registry};

use super::counter::{Counted, Counter};
use super::folded::{self, EventFolder};
use crate::client_key::lane_key;
use crate::error::StartError;
use crate::origin::RequestOrigin;

/// Events per transaction: few enough not to delay other writers.
const BATCH: usize = 128;

/// How many networks are counted separately, in all classes together.
pub(super) const MAX_NETWORKS: usize = 1024;

/// Time limit of the last summary, when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) struct SummaryPorts {
    pub(crate) store: Arc<dyn UnitOfWork>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) clock: Clock,
}

/// Counts throttled requests, and periodically writes them and folded events into the audit log until it is stopped.
pub(crate) struct AuditSummary {
    ports: SummaryPorts,
    throttled: Mutex<Counter<&'static str, ipnet::IpNet>>,
    /// Throttled requests that are counted but not written yet.
    unrecorded: IntGauge,
    folder: Arc<EventFolder>,
    stage: Mutex<Stage>,
    stage_changed: Condvar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    /// The thread is to write once more, and end.
    Stopping,
    Ended,
}

impl AuditSummary {
    /// Starts the background thread, which writes at the interval `every`.
    pub(crate) fn start(
        ports: SummaryPorts,
        folder: Arc<EventFolder>,
        every: Duration,
        registry: &Registry,
    ) -> Result<Arc<Self>, StartError> {
        let unrecorded = IntGauge::new(
            "doorward_throttle_refused_unrecorded",
            "Throttled requests that are not in the audit log yet.",
        )?;
        registry.register(Box::new(unrecorded.clone()))?;
        let log = Arc::new(Self {
            ports,
            throttled: Mutex::new(Counter::new(MAX_NETWORKS)),
            unrecorded,
            folder,
            stage: Mutex::new(Stage::Running),
            stage_changed: Condvar::new(),
        });
        let writer = Arc::clone(&log);
        thread::Builder::new()
            .name("audit-summary".to_owned())
            .spawn(move || writer.run(every))?;
        Ok(log)
    }

    /// Counts a throttled request.
    pub(crate) fn count(&self, class: &'static str, origin: &RequestOrigin, now: Timestamp) {
        self.unrecorded.inc();
        let (ip, request_id) = (origin.ip(), origin.request_id());
        hold(&self.throttled).add(class, ip.map(lane_key), ip, request_id, now);
    }

    /// Writes the remaining counts, for at most [`STOP_TIMEOUT`]. Counts that cannot be written by then are lost, which is
    /// logged.
    pub(crate) fn stop(&self) {
        self.move_to(Stage::Stopping);
        let stage = hold(&self.stage);
        let ended = self
            .stage_changed
            .wait_timeout_while(stage, STOP_TIMEOUT, |stage| *stage != Stage::Ended);
        drop(ended);
        let lost = self.unrecorded.get() + self.folder.unrecorded().get();
        if lost > 0 {
            tracing::error!(
                requests = lost,
                "audit summaries could not be written before the end of the process; their counts are lost"
            );
        }
    }

    fn run(&self, every: Duration) {
        let mut was_ok = true;
        loop {
            let stage = hold(&self.stage);
            let stopping = self
                .stage_changed
                .wait_timeout_while(stage, every, |stage| *stage == Stage::Running)
                .unwrap_or_else(PoisonError::into_inner);
            let is_last = *stopping.0 == Stage::Stopping;
            drop(stopping);
            was_ok = self.write_and_log(was_ok);
            if is_last {
                return self.move_to(Stage::Ended);
            }
        }
    }

    fn move_to(&self, stage: Stage) {
        *hold(&self.stage) = stage;
        self.stage_changed.notify_all();
    }

    /// Writes, and returns whether that succeeded. Logs only the first failure and the recovery.
    fn write_and_log(&self, was_ok: bool) -> bool {
        match self.write() {
            Ok(()) => {
                if !was_ok {
                    tracing::info!("audit summaries are written again");
                }
                true
            }
            Err(error) => {
                if was_ok {
                    tracing::error!(cause = %error, "audit summaries cannot be written, keeping the counts and retrying");
                }
                false
            }
        }
    }

    /// Writes all counts. A batch that fails stays counted. A batch whose commit succeeded without the result being received
    /// is written twice.
    fn write(&self) -> Result<(), StoreError> {
        self.write_counts(&self.throttled, &self.unrecorded, throttled_summary)?;
        self.write_counts(self.folder.counter(), self.folder.unrecorded(), folded::summary)
    }

    fn write_counts<G: Eq + Hash + Clone, M: Eq + Hash>(
        &self,
        counter: &Mutex<Counter<G, M>>,
        unrecorded: &IntGauge,
        summary: fn(&Counted<G, M>) -> Summary,
    ) -> Result<(), StoreError> {
        let mut taken = hold(counter).take();
        while !taken.is_empty() {
            let rest = taken.split_off(taken.len().min(BATCH));
            let summaries: Vec<Summary> = taken.iter().map(summary).collect();
            if let Err(error) = self.record(&summaries) {
                let mut counter = hold(counter);
                counter.put_back(taken);
                counter.put_back(rest);
                return Err(error);
            }
            let requests: u64 = summaries.iter().map(|summary| summary.count).sum();
            unrecorded.sub(i64::try_from(requests).unwrap_or(i64::MAX));
            taken = rest;
        }
        Ok(())
    }

    fn record(&self, summaries: &[Summary]) -> Result<(), StoreError> {
        RecordSummaries {
            store: &*self.ports.store,
            entropy: &*self.ports.entropy,
        }
        .execute(summaries, (self.ports.clock)())
    }
}

/// The summary of the throttled requests of one class and network.
fn throttled_summary(counted: &Counted<&'static str, ipnet::IpNet>) -> Summary {
    let network = counted.member.map(|network| network.to_string());
    Summary {
        kind: EventKind::ThrottleRefused,
        outcome: EventOutcome::Failure,
        subject: None,
        detail: vec![
            ("class", counted.group.to_owned()),
            ("network", network.unwrap_or_else(|| "others".to_owned())),
        ],
        count: counted.count.requests,
        since: counted.count.since,
        ip: counted.count.ip,
        request_id: counted.count.request_id,
    }
}

/// Nothing panics while a lock is held, so a poisoned lock guards a consistent state.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
