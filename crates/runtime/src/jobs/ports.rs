use std::sync::Arc;
use std::time::Duration;

use doorward_domain::entropy::Entropy;
use doorward_domain::store::UnitOfWork;

use crate::watched_clock::WatchedClock;

use super::wake::JobWake;

/// What workers need.
#[derive(Clone)]
pub(crate) struct RunnerPorts {
    /// The store of the use cases: a job that revokes or queues another job has the effects that it has in a request.
    pub(crate) store: Arc<dyn UnitOfWork>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) clock: Arc<WatchedClock>,
    pub(crate) wake: Arc<JobWake>,
    /// How often an idle worker looks for jobs that other instances have queued.
    pub(crate) poll_every: Duration,
}
