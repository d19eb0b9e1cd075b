//! What the throttle refused, for the audit log.
//!
//! A flood of refused requests must not become a flood of rows. Requests are counted in memory, and once a minute a thread
//! of its own writes one event for each class and network, and one for each class for the networks beyond the bound. A
//! refused request waits for none of this. What cannot be written is kept and written later.

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

/// How many events are written in one transaction: few enough that nobody waits for it.
const BATCH: usize = 128;

/// How long the last writing may take when the server stops.
const LAST_WRITING: Duration = Duration::from_secs(5);

/// The ports that are needed to write.
pub(crate) struct SummaryPorts {
    pub(crate) store: Arc<dyn UnitOfWork>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) clock: Clock,
}

/// Counts what the throttle refused, and writes it into the audit log at an interval until it is stopped.
pub(crate) struct RateLimitSummary {
    ports: SummaryPorts,
    counter: Mutex<Counter>,
    /// How many requests were counted and are not written yet.
    unrecorded: IntGauge,
    stage: Mutex<Stage>,
    moved_on: Condvar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    /// To write once more, and end.
    Stopping,
    Ended,
}

impl RateLimitSummary {
    /// Starts the thread that writes, `every` so often.
    pub(crate) fn start(
        ports: SummaryPorts,
        every: Duration,
        registry: &Registry,
    ) -> Result<Arc<Self>, StartError> {
        let unrecorded = IntGauge::new(
            "doorward_throttle_refused_unrecorded",
            "Requests that the throttle turned away and that the audit log does not tell of yet.",
        )?;
        registry.register(Box::new(unrecorded.clone()))?;
        let log = Arc::new(Self {
            ports,
            counter: Mutex::default(),
            unrecorded,
            stage: Mutex::new(Stage::Running),
            moved_on: Condvar::new(),
        });
        let writer = Arc::clone(&log);
        thread::Builder::new()
            .name("refusals".to_owned())
            .spawn(move || writer.run(every))?;
        Ok(log)
    }

    /// Counts a request.
    pub(crate) fn count(&self, class: &'static str, origin: &RequestOrigin, now: Timestamp) {
        self.unrecorded.inc();
        hold(&self.counter).add(class, origin.ip(), origin.request_id(), now);
    }

    /// Writes what is left, for at most [`LAST_WRITING`]. What cannot be written then is logged as lost.
    pub(crate) fn stop(&self) {
        self.move_to(Stage::Stopping);
        let stage = hold(&self.stage);
        let ended = self
            .moved_on
            .wait_timeout_while(stage, LAST_WRITING, |stage| *stage != Stage::Ended);
        drop(ended);
        let lost = self.unrecorded.get();
        if lost > 0 {
            tracing::error!(
                requests = lost,
                "the audit log will not tell of some requests that the throttle turned away"
            );
        }
    }

    fn run(&self, every: Duration) {
        let mut was_well = true;
        loop {
            let stage = hold(&self.stage);
            let stopping = self
                .moved_on
                .wait_timeout_while(stage, every, |stage| *stage == Stage::Running)
                .unwrap_or_else(PoisonError::into_inner);
            let is_last = *stopping.0 == Stage::Stopping;
            drop(stopping);
            was_well = self.write_and_log(was_well);
            if is_last {
                return self.move_to(Stage::Ended);
            }
        }
    }

    fn move_to(&self, stage: Stage) {
        *hold(&self.stage) = stage;
        self.moved_on.notify_all();
    }

    /// Writes, and logs when that begins to fail and when it works again, not each time.
    fn write_and_log(&self, was_well: bool) -> bool {
        match self.write() {
            Ok(()) => {
                if !was_well {
                    tracing::info!("what the throttle turned away can be written into the audit log again");
                }
                true
            }
            Err(error) => {
                if was_well {
                    tracing::error!(cause = %error, "what the throttle turned away cannot be written into the audit log; it is kept, and tried again");
                }
                false
            }
        }
    }

    /// Writes everything that was counted. What cannot be written stays counted; after a commit whose result was lost it is
    /// written twice.
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

/// A poisoned lock guards a sound state: nothing that is done under it can panic half-way.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
