use std::time::Duration;

use doorward_application::{JobError, Missed};
use doorward_domain::clock::ClockReading;
use doorward_domain::job::{Job, JobKind, RetryPolicy};

/// Runs the jobs of one kind.
///
/// A job may be run more than once: by another worker when this one dies or outlasts its lease, or again when its completion
/// could not be stored. A panic counts as [`JobError::Retry`].
pub trait JobHandler: Send + Sync {
    /// The kind.
    fn kind(&self) -> JobKind;

    /// When a failed job is tried again.
    fn retry_policy(&self) -> RetryPolicy;

    /// How long a worker has for a job before others may run it too. Must be longer than [`run`](Self::run) takes by more than
    /// the clocks of instances may differ (a minute).
    fn lease(&self) -> Duration {
        Duration::from_mins(3)
    }

    /// What becomes of a job that was not run in time and has not failed either.
    fn missed(&self) -> Missed {
        Missed::Bury
    }

    /// How many jobs one instance runs at once.
    fn workers(&self) -> usize {
        1
    }

    /// Whether each retry is logged as a warning. Otherwise it is logged on the level `debug`, and the handler logs what
    /// operators need to know.
    fn logs_retries(&self) -> bool {
        true
    }

    /// Runs a job. `clock` was read when it was claimed. Must not give up or delete anything because of its age unless the
    /// clock [tells it](ClockReading::tells_age).
    fn run(&self, job: &Job, clock: ClockReading) -> Result<(), JobError>;
}
