//! Settling a job that a worker has run.

use doorward_domain::clock::ClockReading;
use doorward_domain::job::{Job, JobFailure, Retry, RetryPolicy};
use doorward_domain::store::{Repositories, Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

/// Why a handler has not done its job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// Trying again later may help.
    #[error("{0}")]
    Retry(String),
    /// Trying again cannot help.
    #[error("{0}")]
    Permanent(String),
}

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Done, and gone.
    Completed,
    /// Failed, and tried again at this time.
    Retried(Timestamp),
    /// Failed, and given up.
    Dead,
    /// Nothing: the lease had ended, and another worker has claimed or settled the job since.
    TakenOver,
}

/// Settles jobs.
pub struct SettleJob<'a> {
    /// Where jobs are queued.
    pub store: &'a dyn UnitOfWork,
    /// When a failed job is tried again.
    pub policy: &'a RetryPolicy,
}

impl SettleJob<'_> {
    /// Settles a claimed job by what its handler returned. If the clock does not tell how old the job is, it is not given up
    /// because of its age.
    pub fn execute(
        &self,
        job: &Job,
        result: &Result<(), JobError>,
        clock: ClockReading,
    ) -> StoreResult<Settlement> {
        self.store.transaction(|repos| {
            let (is_settled, settlement) = self.settle(repos, job, result, clock)?;
            Ok(if is_settled {
                settlement
            } else {
                Settlement::TakenOver
            })
        })
    }

    fn settle(
        &self,
        repos: &mut dyn Repositories,
        job: &Job,
        result: &Result<(), JobError>,
        clock: ClockReading,
    ) -> StoreResult<(bool, Settlement)> {
        let (id, attempt) = (job.id, job.attempts);
        let (retry, cause) = match result {
            Ok(()) => return Ok((repos.jobs().complete(id, attempt)?, Settlement::Completed)),
            Err(JobError::Permanent(cause)) => (Retry::Dead, cause),
            Err(JobError::Retry(cause)) => (self.policy.next_attempt(attempt, job.give_up_at, clock), cause),
        };
        let failure = JobFailure::new(cause);
        match retry {
            Retry::At(at) => {
                let is_settled = repos.jobs().retry(id, attempt, at, &failure)?;
                Ok((is_settled, Settlement::Retried(at)))
            }
            Retry::Dead => {
                let is_settled = repos.jobs().bury(id, attempt, clock.now, &failure)?;
                Ok((is_settled, Settlement::Dead))
            }
        }
    }
}
