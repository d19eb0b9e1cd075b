//! Audit summary of throttled requests.
//!
//! A flood of throttled requests must not become a flood of rows. Requests are counted in memory, and once a minute a
//! background thread writes one event for each class and network, and one for each class for all networks beyond the
//! limit. Throttled requests do not wait for this. Counts that cannot be written are kept and written later.

mod counter;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use doorward_application::{RecordRefusals, Refusals};
use doorward_domain::entropy::Entropy;
use doorward_domain::store::UnitOfWork;
use doorward_domain::store_error::StoreError;
use doorward_domain::time::Timestamp;
use prometheus::{IntGauge, Registry};

use crate::error::StartError;
use crate::origin::RequestOrigin;
use counter::{Counted, Counter};
use doorward_application::Clock;

/// Events per transaction: few enough not to delay other writers.
const BATCH: usize = 128;

/// Time limit of the last summary, when the server stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) struct SummaryPorts {
    pub(crate) store: Arc<dyn UnitOfWork>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) clock: Clock,
}

/// Counts throttled requests and periodically writes them into the audit log until it is stopped.
pub(crate) struct RateLimitSummary {
    ports: SummaryPorts,
    counter: Mutex<Counter>,
    /// Requests that are counted but not written yet.
    unrecorded: IntGauge,
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

impl RateLimitSummary {
    /// Starts the background thread, which writes at the interval `every`.
    pub(crate) fn start(
        ports: SummaryPorts,
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
            counter: Mutex::default(),
            unrecorded,
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
        hold(&self.counter).add(class, origin.ip(), origin.request_id(), now);
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
        let lost = self.unrecorded.get();
        if lost > 0 {
            tracing::error!(
                requests = lost,
                "throttled requests could not be written to the audit log before the end of the process; their counts are lost"
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
                    tracing::info!("audit summaries of throttled requests are written again");
                }
                true
            }
            Err(error) => {
                if was_ok {
                    tracing::error!(cause = %error, "audit summary of throttled requests failed, keeping the counts and retrying");
                }
                false
            }
        }
    }

    /// Writes all counts. A batch that fails stays counted. A batch whose commit succeeded without the result being received
    /// is written twice.
    fn write(&self) -> Result<(), StoreError> {
        let mut taken = hold(&self.counter).take();
        while !taken.is_empty() {
            let rest = taken.split_off(taken.len().min(BATCH));
            if let Err(error) = self.record(&taken) {
                let mut counter = hold(&self.counter);
                counter.put_back(taken);
                counter.put_back(rest);
                return Err(error);
            }
            let requests: u64 = taken.iter().map(Counted::requests).sum();
            self.unrecorded.sub(i64::try_from(requests).unwrap_or(i64::MAX));
            taken = rest;
        }
        Ok(())
    }

    fn record(&self, counted: &[Counted]) -> Result<(), StoreError> {
        let refusals: Vec<Refusals> = counted.iter().map(Counted::refusals).collect();
        RecordRefusals {
            store: &*self.ports.store,
            entropy: &*self.ports.entropy,
        }
        .execute(&refusals, (self.ports.clock)())
    }
}

/// Nothing panics while a lock is held, so a poisoned lock guards a consistent state.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
