use std::sync::Arc;
use std::thread;
use std::time::Duration;

use doorward_domain::job::JobKind;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;
use prometheus::Registry;

use crate::error::StartError;
use crate::scheduler::{PeriodicTask, Scheduler};

use super::handler::JobHandler;
use super::metrics::JobMetrics;
use super::ports::RunnerPorts;
use super::wake::JobWake;
use super::worker::Worker;

/// How often the jobs are counted for the metrics.
const COUNT_EVERY: Duration = Duration::from_secs(15);

/// How long running jobs may take when the server stops.
const LAST_JOBS: Duration = Duration::from_secs(5);

/// Runs jobs until it is dropped.
pub struct JobRunner {
    wake: Arc<JobWake>,
    _counting: Scheduler,
}

impl JobRunner {
    /// Starts the workers of each handler. Metrics are registered in `registry`.
    pub(crate) fn start(
        ports: &RunnerPorts,
        handlers: Vec<Arc<dyn JobHandler>>,
        registry: &Registry,
    ) -> Result<Self, StartError> {
        let metrics = JobMetrics::new(registry)?;
        let kinds: Vec<JobKind> = handlers.iter().map(|handler| handler.kind()).collect();
        for kind in &kinds {
            metrics.add_kind(kind);
        }
        let counting = count_jobs(Arc::clone(&ports.store), kinds, metrics.clone());
        let runner = Self {
            wake: Arc::clone(&ports.wake),
            _counting: Scheduler::start(vec![counting], &ports.entropy)?,
        };
        for handler in handlers {
            for _ in 0..handler.workers() {
                let worker = Worker::new(ports.clone(), Arc::clone(&handler), metrics.clone());
                thread::Builder::new()
                    .name(format!("job-{}", handler.kind().as_str()))
                    .spawn(move || worker.run())?;
            }
        }
        Ok(runner)
    }

    /// Claims nothing any more, and waits a little for jobs that run. One that takes longer is run again when its lease ends.
    pub fn stop(&self) {
        self.wake.stop();
        let running = self.wake.wait_for_workers(LAST_JOBS);
        if running > 0 {
            tracing::warn!(
                running,
                "jobs did not end in time, they will be run again when their leases end"
            );
        }
    }
}

impl Drop for JobRunner {
    fn drop(&mut self) {
        self.wake.stop();
    }
}

fn count_jobs(store: Arc<dyn UnitOfWork>, kinds: Vec<JobKind>, metrics: JobMetrics) -> PeriodicTask {
    let run = move || {
        for kind in &kinds {
            let counts = store.snapshot(|repos| -> StoreResult<_> { repos.jobs().count(kind) });
            metrics.set_counts(kind, counts.map_err(|error| error.to_string())?);
        }
        Ok(())
    };
    PeriodicTask {
        name: "count jobs",
        every: COUNT_EVERY,
        run: Box::new(run),
    }
}
