//! Jobs: work that follows from a transaction, queued in that transaction and done after it.
//!
//! A job is done **at least once**: a worker that dies, or takes longer than its lease, leaves the job to another. What a job
//! does must therefore be safe to repeat.

mod model;
mod repository;
mod retry;
mod text;

pub use model::{Job, JobState, NewJob};
#[cfg(any(test, feature = "mocks"))]
pub use repository::MockJobRepository;
pub use repository::{JobCounts, JobRepository};
pub use retry::{Retry, RetryPolicy};
pub use text::{DedupeKey, InvalidJobText, JobFailure, JobKind, JobPayload};
