use std::sync::Arc;
use std::time::Duration;

use doorward_application::Clock;
use doorward_domain::entropy::Entropy;
use doorward_domain::store::UnitOfWork;

use super::wake::JobWake;

/// What workers need.
#[derive(Clone)]
pub(crate) struct RunnerPorts {
    /// Its transactions need not wake anybody: a worker looks again after each job.
    pub(crate) store: Arc<dyn UnitOfWork>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) clock: Clock,
    pub(crate) wake: Arc<JobWake>,
    /// How often an idle worker looks for jobs that other instances have queued.
    pub(crate) poll_every: Duration,
}
