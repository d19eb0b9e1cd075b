//! Claiming jobs for a worker.

use core::time::Duration;

use doorward_domain::clock::ClockReading;
use doorward_domain::job::{Job, JobFailure, JobKind};
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

/// The failure of a job that was given up before it was run.
const TOO_LATE: &str = "not run in time";

/// What becomes of a job that was not run in time and has not failed either: no instance was running, or the one that ran it
/// died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// It is kept as a dead job.
    Bury,
    /// It is deleted: a later job does its work, as that of the next interval.
    Drop,
}

/// Claims due jobs of one kind.
pub struct ClaimJobs<'a> {
    /// Where jobs are queued.
    pub store: &'a dyn UnitOfWork,
    /// The kind.
    pub kind: &'a JobKind,
    /// How long a claimed job belongs to its worker.
    pub lease: Duration,
    /// What becomes of jobs that were not run in time.
    pub missed: Missed,
}

/// What there is to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClaimedJobs {
    /// Jobs to be run now, each leased.
    pub jobs: Vec<Job>,
    /// Jobs that are dead now: their time was over. None of them is to be run.
    pub given_up: Vec<Job>,
    /// When the next job is due, if that is known and nothing was due.
    pub next_due: Option<Timestamp>,
}

impl ClaimJobs<'_> {
    /// Claims up to `limit` jobs. Only reads when nothing is due. If the clock does not tell how old a job is, none is given up.
    pub fn execute(&self, limit: u32, clock: ClockReading) -> StoreResult<ClaimedJobs> {
        let now = clock.now;
        let next_due = self.store.snapshot(|repos| repos.jobs().next_due(self.kind))?;
        if next_due.is_none_or(|due| due > now) {
            return Ok(ClaimedJobs {
                next_due,
                ..ClaimedJobs::default()
            });
        }
        self.store.transaction(|repos| {
            let claimed = repos.jobs().claim(self.kind, now, now + self.lease, limit)?;
            let (jobs, given_up): (Vec<Job>, Vec<Job>) = claimed
                .into_iter()
                .partition(|job| now < job.give_up_at || !clock.tells_age());
            let (dropped, given_up): (Vec<Job>, Vec<Job>) = given_up
                .into_iter()
                .partition(|job| self.missed == Missed::Drop && job.last_failure.is_none());
            for job in &dropped {
                repos.jobs().complete(job.id, job.attempts)?;
            }
            for job in &given_up {
                // What the last attempt said is more useful than that there was none after it.
                let failure = job.last_failure.clone();
                let failure = failure.unwrap_or_else(|| JobFailure::new(TOO_LATE));
                repos.jobs().bury(job.id, job.attempts, now, &failure)?;
            }
            Ok(ClaimedJobs {
                jobs,
                given_up,
                next_due: None,
            })
        })
    }
}
