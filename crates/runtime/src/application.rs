//! The application: ports, policies and executors, from which surfaces run use cases.

use std::sync::Arc;
use std::time::Duration;

use doorward_application::{Authenticate, Policies, Ports, UseCases};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::key::PublishedKeys;
use doorward_domain::store::UnitOfWork;
use doorward_domain::time::Timestamp;

use prometheus::Registry;
use tracing::{Instrument as _, Span, debug_span};

use crate::audit_summary::{AuditSummary, EventFolder, SummaryPorts};
use crate::error::{RunError, StartError};
use crate::executor::{Lane, LaneSettings, LanesMetrics};
use crate::hasher::ReportingHasher;
use crate::jobs::{JobHandler, JobRunner, JobWake, RunnerPorts};
use crate::keyed_lock::KeyedLock;
use crate::origin::RequestOrigin;
use crate::readiness::Readiness;
use crate::revocation_cache::RevocationCache;
use crate::store::RefreshingStore;
use crate::watched_clock::WatchedClock;

/// Interval of the audit summaries.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);

/// How often an idle worker looks for jobs that other instances have queued.
const POLL_JOBS_EVERY: Duration = Duration::from_secs(1);

/// The settings of the lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LanesSettings {
    /// The lane that hashes passwords.
    pub password: LaneSettings,
    /// The lane of use cases that only use the store.
    pub storage: LaneSettings,
}

/// Ports, policies and lanes. One per process; surfaces share it and run use cases with it.
pub struct Application {
    ports: Ports,
    policies: Policies,
    /// Decorates the store of `ports`: refreshes `revocations` and wakes the workers of jobs after a commit that concerns
    /// them, and folds audit events that exceed a budget.
    store: Arc<RefreshingStore>,
    job_wake: Arc<JobWake>,
    clock: Arc<WatchedClock>,
    password_lane: Lane,
    storage_lane: Lane,
    revocations: Arc<RevocationCache>,
    pub(crate) keyed_lock: KeyedLock,
    summary: Arc<AuditSummary>,
    readiness: Arc<Readiness>,
}

impl Application {
    /// Reads the recent revocations, starts the threads and registers the metrics in `registry`.
    pub fn start(
        mut ports: Ports,
        policies: Policies,
        lanes: LanesSettings,
        registry: &Registry,
    ) -> Result<Arc<Self>, StartError> {
        let revocations = RevocationCache::open(
            Arc::clone(&ports.revocation_store),
            Arc::clone(&ports.clock),
            policies.token_life(),
        )?;
        revocations.start_refreshing()?;
        let summary_ports = SummaryPorts {
            store: Arc::clone(&ports.store),
            entropy: Arc::clone(&ports.entropy),
            clock: Arc::clone(&ports.clock),
        };
        let folder = Arc::new(EventFolder::new(registry)?);
        let summary = AuditSummary::start(summary_ports, Arc::clone(&folder), SUMMARY_INTERVAL, registry)?;
        let metrics = LanesMetrics::new(registry)?;
        let hasher = Arc::clone(&ports.hasher);
        ports.hasher = Arc::new(ReportingHasher(Arc::clone(&hasher)));
        let password_lane = Lane::start("password", lanes.password, metrics.lane("password"), move || {
            hasher.rest();
        })?;
        let storage_lane = Lane::start("storage", lanes.storage, metrics.lane("storage"), || {})?;
        let job_wake = Arc::<JobWake>::default();
        let store = Arc::new(RefreshingStore::new(
            Arc::clone(&ports.store),
            Arc::clone(&revocations),
            Arc::clone(&job_wake),
            folder,
        ));
        Ok(Arc::new(Self {
            store,
            job_wake,
            clock: Arc::new(WatchedClock::new(Arc::clone(&ports.clock))),
            ports,
            policies,
            password_lane,
            storage_lane,
            revocations,
            keyed_lock: KeyedLock::default(),
            summary,
            readiness: Arc::default(),
        }))
    }

    /// The store of the use cases, for periodic tasks and job handlers.
    pub fn store(&self) -> Arc<dyn UnitOfWork> {
        Arc::clone(&self.store) as _
    }

    /// The clock of periodic tasks and job handlers, which knows whether it was moved since the start.
    pub fn clock(&self) -> Arc<WatchedClock> {
        Arc::clone(&self.clock)
    }

    /// Starts the workers of jobs, with a handler for each kind that this instance runs. To be called once: when the runner
    /// stops, no other one can be started. Metrics are registered in `registry`.
    pub fn start_jobs(
        &self,
        handlers: Vec<Arc<dyn JobHandler>>,
        registry: &Registry,
    ) -> Result<JobRunner, StartError> {
        let ports = RunnerPorts {
            store: self.store(),
            entropy: Arc::clone(&self.ports.entropy),
            clock: self.clock(),
            wake: Arc::clone(&self.job_wake),
            poll_every: POLL_JOBS_EVERY,
        };
        JobRunner::start(&ports, handlers, registry)
    }

    /// Stops the revocation cache and writes the last audit summary. Call it when requests are no longer accepted.
    pub fn stop(&self) {
        self.revocations.stop();
        self.summary.stop();
    }

    /// The current time of the clock port.
    pub fn now(&self) -> Timestamp {
        (self.ports.clock)()
    }

    /// The source of randomness.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.ports.entropy
    }

    /// The policies of the use cases.
    pub const fn policies(&self) -> &Policies {
        &self.policies
    }

    /// The published keys that verify access tokens.
    pub fn published_keys(&self) -> &dyn PublishedKeys {
        &*self.ports.published_keys
    }

    /// The cache of recent revocations.
    pub fn revocations(&self) -> &RevocationCache {
        &self.revocations
    }

    /// The number of threads of both lanes.
    pub const fn threads(&self) -> usize {
        self.password_lane.workers() + self.storage_lane.workers()
    }

    /// The use case that verifies an access token. It uses neither the store nor a lane.
    pub fn authenticate(&self) -> Authenticate<'_> {
        Authenticate {
            verifier: &*self.ports.verifier,
            revocations: &*self.revocations,
            max_age: self.policies.token_life(),
        }
    }

    /// Counts a throttled request for the next audit summary.
    pub fn count_rate_limited(&self, class: &'static str, origin: &RequestOrigin) {
        self.summary.count(class, origin, self.now());
    }

    /// Whether the store can be read and written: checked on the storage lane, like the requests that it stands for, at most
    /// once a second, and answered within 1.5 s.
    pub async fn store_is_ready(self: &Arc<Self>, origin: &RequestOrigin) -> bool {
        let (app, origin) = (Arc::clone(self), origin.clone());
        let check = || async move {
            let check = app.run(&origin, |use_cases, _| use_cases.store.check());
            check.await.is_ok()
        };
        self.readiness.get(check).await
    }

    /// Runs a use case that only uses the store on the storage lane.
    pub async fn run<T, E>(
        self: &Arc<Self>,
        origin: &RequestOrigin,
        work: impl FnOnce(UseCases<'_>, &RequestContext) -> Result<T, E> + Send + 'static,
    ) -> Result<T, RunError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.store_phase(origin, work)
            .instrument(debug_span!("use_case"))
            .await
    }

    /// Runs the phase of a use case that only uses the store, on the storage lane.
    pub(crate) async fn store_phase<T, E>(
        self: &Arc<Self>,
        origin: &RequestOrigin,
        work: impl FnOnce(UseCases<'_>, &RequestContext) -> Result<T, E> + Send + 'static,
    ) -> Result<T, RunError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let total = self.store_time(origin);
        self.run_on(&self.storage_lane, total, origin, work).await
    }

    /// Runs the hashing phase of a use case on the password lane. No job waits for one lane while it occupies the other.
    pub(crate) async fn hash_phase<T, E>(
        self: &Arc<Self>,
        origin: &RequestOrigin,
        work: impl FnOnce(UseCases<'_>, &RequestContext) -> Result<T, E> + Send + 'static,
    ) -> Result<T, RunError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let work = move |use_cases: UseCases<'_>, context: &RequestContext| {
            debug_span!("hash").in_scope(|| work(use_cases, context))
        };
        // Neither the wait for the lane nor the hash is a wait for the store.
        let hashed = self.run_on(&self.password_lane, Duration::MAX, origin, work);
        origin.without_store(hashed).await
    }

    pub(crate) const fn password_lane(&self) -> &Lane {
        &self.password_lane
    }

    fn use_cases(&self) -> UseCases<'_> {
        UseCases {
            store: &*self.store,
            ..self.ports.use_cases(&self.policies)
        }
    }

    /// How long a request may still wait for the store.
    pub(crate) fn store_time(&self, origin: &RequestOrigin) -> Duration {
        origin.store_time(self.storage_lane.limit())
    }

    async fn run_on<T, E>(
        self: &Arc<Self>,
        lane: &Lane,
        total: Duration,
        origin: &RequestOrigin,
        work: impl FnOnce(UseCases<'_>, &RequestContext) -> Result<T, E> + Send + 'static,
    ) -> Result<T, RunError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (app, origin) = (Arc::clone(self), origin.clone());
        // The span ends when the job starts or is abandoned.
        let (parent, waiting) = (Span::current(), debug_span!("executor.wait", lane = lane.name()));
        // The time is read when the job starts, not when it is queued.
        lane.run_within(total, origin.lane_key(), move || {
            let _parent = parent.entered();
            drop(waiting);
            work(app.use_cases(), &origin.context(app.now()))
        })
        .await
        .map_err(RunError::Executor)?
        .map_err(RunError::UseCase)
    }
}
