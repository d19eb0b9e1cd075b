use crate::id::JobId;
use crate::time::Timestamp;

use super::{DedupeKey, JobFailure, JobKind, JobPayload};

/// A job to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// The id of the job.
    pub id: JobId,
    /// Which handler runs it.
    pub kind: JobKind,
    /// What the handler is told.
    pub payload: JobPayload,
    /// If given, the job is queued only if no other one with this key waits or runs.
    pub dedupe_key: Option<DedupeKey>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it may run for the first time.
    pub due_at: Timestamp,
    /// When it must not begin any more.
    pub give_up_at: Timestamp,
}

/// Whether a job is still to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Waits for its time, or is leased to a worker.
    Ready,
    /// Given up at this time. It never runs again.
    Dead(Timestamp),
}

/// A queued job. A completed one is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The id of the job.
    pub id: JobId,
    /// Which handler runs it.
    pub kind: JobKind,
    /// What the handler is told.
    pub payload: JobPayload,
    /// How often it has been claimed. Tells a worker's claim from a later one: only the latest may settle the job.
    pub attempts: u32,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it may be claimed: for a job that is leased, when the lease ends.
    pub due_at: Timestamp,
    /// When it must not begin any more.
    pub give_up_at: Timestamp,
    /// Whether it is still to be done.
    pub state: JobState,
    /// Why the latest attempt that said so failed.
    pub last_failure: Option<JobFailure>,
}
