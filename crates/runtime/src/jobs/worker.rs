use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use doorward_application::{ClaimJobs, JobError, SettleJob, Settlement};
use doorward_domain::clock::ClockReading;
use doorward_domain::job::{Job, JobKind, RetryPolicy};
use doorward_domain::store_error::{StoreError, StoreResult};

use crate::jitter::shortened;

use super::handler::JobHandler;
use super::metrics::{JobMetrics, RunOutcome};
use super::ports::RunnerPorts;

/// How long to wait before a result is stored again that could not be stored.
const SETTLE_AGAIN: Duration = Duration::from_secs(1);

/// A thread that runs jobs of one kind, one at a time.
pub(super) struct Worker {
    ports: RunnerPorts,
    handler: Arc<dyn JobHandler>,
    metrics: JobMetrics,
    kind: JobKind,
    policy: RetryPolicy,
}

impl Worker {
    pub(super) fn new(ports: RunnerPorts, handler: Arc<dyn JobHandler>, metrics: JobMetrics) -> Self {
        Self {
            kind: handler.kind(),
            policy: handler.retry_policy(),
            ports,
            handler,
            metrics,
        }
    }

    /// Runs jobs until all workers are stopped.
    pub(super) fn run(&self) {
        let wake = &self.ports.wake;
        let _live = wake.worker();
        let mut is_failing = false;
        while !wake.is_stopped() {
            let position = wake.position();
            let looked = self.run_next();
            self.log_change(is_failing, looked.as_ref().err());
            is_failing = looked.is_err();
            let wait = match looked {
                Ok(None) => continue,
                Ok(Some(wait)) => wait,
                Err(_) => self.poll_interval(),
            };
            wake.wait(position, wait);
        }
    }

    /// Runs a job that is due. If there is none, returns how long to wait.
    fn run_next(&self) -> StoreResult<Option<Duration>> {
        let clock = self.ports.clock.read();
        let now = clock.now;
        let claim = ClaimJobs {
            store: &*self.ports.store,
            kind: &self.kind,
            lease: self.handler.lease(),
            missed: self.handler.missed(),
        };
        let claimed = claim.execute(1, clock)?;
        for job in &claimed.given_up {
            self.log_given_up(
                job,
                job.last_failure
                    .as_ref()
                    .map_or("not run in time", |it| it.as_str()),
            );
        }
        for job in &claimed.jobs {
            self.perform(job, clock);
        }
        if claimed.jobs.is_empty() && claimed.given_up.is_empty() {
            let poll = self.poll_interval();
            let next = claimed.next_due.map_or(poll, |due| due.since(now));
            return Ok(Some(next.min(poll)));
        }
        Ok(None)
    }

    fn perform(&self, job: &Job, clock: ClockReading) {
        let span =
            tracing::debug_span!("job", kind = self.kind.as_str(), job = %job.id, attempt = job.attempts);
        let _entered = span.enter();
        // The panic hook has logged a panic.
        let result = catch_unwind(AssertUnwindSafe(|| self.handler.run(job, clock)))
            .unwrap_or_else(|_| Err(JobError::Retry("the handler panicked".to_owned())));
        let outcome = self.settle(job, &result);
        self.metrics.count_run(&self.kind, outcome);
    }

    /// Stores what became of the job, again and again while the store is not available: otherwise a job that is done would be
    /// run once more. Gives up when the lease ends or the workers are stopped.
    fn settle(&self, job: &Job, result: &Result<(), JobError>) -> RunOutcome {
        let settle = SettleJob {
            store: &*self.ports.store,
            policy: &self.policy,
        };
        let mut has_failed = false;
        loop {
            let clock = self.ports.clock.read();
            match settle.execute(job, result, clock) {
                Ok(Settlement::TakenOver) if has_failed => {
                    tracing::warn!(
                        kind = self.kind.as_str(),
                        job = %job.id,
                        "the result of a job was stored although the database reported an error, or another worker runs it"
                    );
                    return RunOutcome::Unsettled;
                }
                Ok(settlement) => return self.log_settlement(job, settlement, result),
                Err(error) if clock.now >= job.due_at || !self.ports.wake.pause(SETTLE_AGAIN) => {
                    tracing::error!(
                        kind = self.kind.as_str(),
                        job = %job.id,
                        cause = %error,
                        "the result of a job cannot be stored, it will be run again"
                    );
                    return RunOutcome::Unsettled;
                }
                Err(_) => has_failed = true,
            }
        }
    }

    fn log_settlement(&self, job: &Job, settlement: Settlement, result: &Result<(), JobError>) -> RunOutcome {
        let kind = self.kind.as_str();
        let cause = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
        match settlement {
            Settlement::Completed => RunOutcome::Completed,
            Settlement::Retried(_) if !self.handler.logs_retries() => {
                tracing::debug!(kind, job = %job.id, attempt = job.attempts, cause, "job failed, will retry");
                RunOutcome::Retried
            }
            Settlement::Retried(_) => {
                tracing::warn!(kind, job = %job.id, attempt = job.attempts, cause, "job failed, will retry");
                RunOutcome::Retried
            }
            Settlement::Dead => {
                log_dead(kind, job, &cause);
                RunOutcome::Dead
            }
            Settlement::TakenOver => {
                tracing::warn!(kind, job = %job.id, attempt = job.attempts, "job outlasted its lease, another worker runs it");
                RunOutcome::TakenOver
            }
        }
    }

    fn log_given_up(&self, job: &Job, cause: &str) {
        log_dead(self.kind.as_str(), job, cause);
        self.metrics.count_run(&self.kind, RunOutcome::Dead);
    }

    /// Logs the first of several failures to look for jobs, and the success after them.
    fn log_change(&self, was_failing: bool, error: Option<&StoreError>) {
        let kind = self.kind.as_str();
        match error {
            Some(error) if !was_failing => {
                tracing::error!(kind, cause = %error, "jobs cannot be claimed, will retry");
            }
            None if was_failing => tracing::info!(kind, "jobs can be claimed again"),
            _ => {}
        }
    }

    /// Jittered, so that workers do not all ask at once.
    fn poll_interval(&self) -> Duration {
        shortened(self.ports.poll_every, &*self.ports.entropy)
    }
}

fn log_dead(kind: &str, job: &Job, cause: &str) {
    tracing::error!(kind, job = %job.id, attempt = job.attempts, cause, "job failed, given up");
}
