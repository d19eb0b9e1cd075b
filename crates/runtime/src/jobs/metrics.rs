use doorward_domain::job::{JobCounts, JobKind};
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

/// The metrics of the queue and of the workers.
#[derive(Clone)]
pub(super) struct JobMetrics {
    jobs: IntGaugeVec,
    runs: IntCounterVec,
}

/// How a run of a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunOutcome {
    Completed,
    Retried,
    Dead,
    /// Another worker had claimed the job meanwhile.
    TakenOver,
    /// The store was not available for long enough.
    Unsettled,
}

impl RunOutcome {
    const ALL: [Self; 5] = [
        Self::Completed,
        Self::Retried,
        Self::Dead,
        Self::TakenOver,
        Self::Unsettled,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Retried => "retried",
            Self::Dead => "dead",
            Self::TakenOver => "taken-over",
            Self::Unsettled => "unsettled",
        }
    }
}

impl JobMetrics {
    /// Makes and registers the metrics.
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let jobs = IntGaugeVec::new(
            Opts::new("doorward_jobs", "Jobs in the queue of the database."),
            &["kind", "state"],
        )?;
        let runs = IntCounterVec::new(
            Opts::new(
                "doorward_job_runs_total",
                "Runs of jobs by this instance, and jobs it gave up unrun.",
            ),
            &["kind", "outcome"],
        )?;
        registry.register(Box::new(jobs.clone()))?;
        registry.register(Box::new(runs.clone()))?;
        Ok(Self { jobs, runs })
    }

    /// Makes the metrics of a kind visible before its first job.
    pub(super) fn add_kind(&self, kind: &JobKind) {
        for outcome in RunOutcome::ALL {
            self.runs.with_label_values(&[kind.as_str(), outcome.as_str()]);
        }
        self.set_counts(kind, JobCounts::default());
    }

    pub(super) fn count_run(&self, kind: &JobKind, outcome: RunOutcome) {
        self.runs
            .with_label_values(&[kind.as_str(), outcome.as_str()])
            .inc();
    }

    pub(super) fn set_counts(&self, kind: &JobKind, counts: JobCounts) {
        for (state, count) in [("queued", counts.ready), ("dead", counts.dead)] {
            self.jobs
                .with_label_values(&[kind.as_str(), state])
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}
