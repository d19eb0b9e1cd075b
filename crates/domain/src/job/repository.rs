//! Where jobs are queued.

use crate::id::JobId;
use crate::store_error::StoreResult;
use crate::time::Timestamp;

use super::{Job, JobFailure, JobKind, NewJob};

/// How many jobs of a kind there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobCounts {
    /// Those that wait or are leased.
    pub ready: u64,
    /// Those that were given up.
    pub dead: u64,
}

/// The queue of jobs.
///
/// A claim leases a job and counts an attempt. The number of the attempt is the fencing token: [`complete`](Self::complete),
/// [`retry`](Self::retry) and [`bury`](Self::bury) MUST change nothing and return `false` when the job was claimed again
/// since, is dead, or is gone.
///
/// Jobs of a kind that nobody asks for (of a newer version, say) MUST be kept as they are.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait JobRepository {
    /// Queues a job. MUST return `false`, write nothing and leave the transaction usable when a job with the same dedupe key
    /// waits or runs, also when another transaction queues it at the same time.
    ///
    /// Completion and death release the key.
    fn enqueue(&mut self, job: &NewJob) -> StoreResult<bool>;

    /// The job of that id, ready or dead.
    fn find(&mut self, id: JobId) -> StoreResult<Option<Job>>;

    /// When the first job of that kind is due; it may be long past. `None` when none waits or runs.
    ///
    /// The cost MUST NOT grow with the number of jobs: every instance asks once a second.
    fn next_due(&mut self, kind: &JobKind) -> StoreResult<Option<Timestamp>>;

    /// Claims up to `limit` jobs of that kind that are due at `now`, the longest due first: each becomes due again at
    /// `lease_until`, and has one attempt more. Returns them as they are then.
    ///
    /// MUST give a job to one claimer only, also when several claim at once; they SHOULD NOT wait for each other. Only in a
    /// writing transaction.
    fn claim(
        &mut self,
        kind: &JobKind,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<Job>>;

    /// Deletes a job that is done.
    fn complete(&mut self, id: JobId, attempt: u32) -> StoreResult<bool>;

    /// Makes a job due at another time, after a failure.
    fn retry(
        &mut self,
        id: JobId,
        attempt: u32,
        due_at: Timestamp,
        failure: &JobFailure,
    ) -> StoreResult<bool>;

    /// Gives a job up: it is dead from `now` on.
    fn bury(&mut self, id: JobId, attempt: u32, now: Timestamp, failure: &JobFailure) -> StoreResult<bool>;

    /// Counts the jobs of a kind.
    fn count(&mut self, kind: &JobKind) -> StoreResult<JobCounts>;

    /// Deletes up to `limit` dead jobs that died before `before`. Returns how many.
    ///
    /// The oldest go first. The cost MUST NOT grow with the number of rows that stay, and instances that do it at once MUST NOT
    /// wait for each other for long.
    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
}
