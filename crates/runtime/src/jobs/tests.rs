use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use doorward_application::JobError;
use doorward_domain::clock::ClockReading;
use doorward_domain::job::{Job, JobKind, JobState, NewJob, RetryPolicy};
use doorward_domain::store::Transactions as _;
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_testkit::sample::{self, JOB_KIND, START, after};
use doorward_testkit::{Clock, MemoryStore, SeededEntropy};
use prometheus::{Registry, TextEncoder};

use crate::watched_clock::WatchedClock;

use super::{JobHandler, JobRunner, JobWake, RunnerPorts};

/// Longer than any test: only a notification ends such a wait.
const NEVER: Duration = Duration::from_secs(3600);
const OFTEN: Duration = Duration::from_millis(2);
/// How long a test waits for what must happen.
const LIMIT: Duration = Duration::from_secs(20);

struct Handler<F> {
    kind: JobKind,
    run: F,
}

impl<F: Fn(&Job) -> Result<(), JobError> + Send + Sync> JobHandler for Handler<F> {
    fn kind(&self) -> JobKind {
        self.kind.clone()
    }

    fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy {
            delays: &[],
            then: Duration::from_secs(10),
        }
    }

    fn run(&self, job: &Job, _: ClockReading) -> Result<(), JobError> {
        (self.run)(job)
    }
}

fn handler(run: impl Fn(&Job) -> Result<(), JobError> + Send + Sync + 'static) -> Arc<dyn JobHandler> {
    Arc::new(Handler { kind: JOB_KIND, run })
}

/// A handler that reports each run, and what it reports to.
fn reporting() -> (Arc<dyn JobHandler>, Receiver<Job>) {
    let (done, runs) = channel();
    let run = move |job: &Job| {
        done.send(job.clone())
            .map_err(|error| JobError::Retry(error.to_string()))
    };
    (handler(run), runs)
}

/// A store with one instance.
struct Instance {
    store: Arc<MemoryStore>,
    clock: Arc<Clock>,
    wake: Arc<JobWake>,
    registry: Registry,
}

impl Instance {
    fn over(store: Arc<MemoryStore>) -> Self {
        Self {
            store,
            clock: Arc::default(),
            wake: Arc::default(),
            registry: Registry::new(),
        }
    }

    fn new() -> Self {
        Self::over(Arc::default())
    }

    fn start(&self, poll_every: Duration, handlers: Vec<Arc<dyn JobHandler>>) -> JobRunner {
        let clock = Arc::clone(&self.clock);
        self.start_on(
            WatchedClock::new(Arc::new(move || clock.now())),
            poll_every,
            handlers,
        )
    }

    /// Starts with a clock that advances as time does, however it is set.
    fn start_on_steady_clock(&self, poll_every: Duration, handlers: Vec<Arc<dyn JobHandler>>) -> JobRunner {
        let (clock, monotonic) = (Arc::clone(&self.clock), Arc::clone(&self.clock));
        let clock = WatchedClock::beside(Arc::new(move || clock.now()), move || {
            monotonic.now().since(START)
        });
        self.start_on(clock, poll_every, handlers)
    }

    fn start_on(
        &self,
        clock: WatchedClock,
        poll_every: Duration,
        handlers: Vec<Arc<dyn JobHandler>>,
    ) -> JobRunner {
        let ports = RunnerPorts {
            store: self.store.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
            clock: Arc::new(clock),
            wake: Arc::clone(&self.wake),
            poll_every,
        };
        JobRunner::start(&ports, handlers, &self.registry).unwrap()
    }

    fn enqueue(&self, job: &NewJob) {
        let queued = self
            .store
            .transaction(|repos| -> StoreResult<_> { repos.jobs().enqueue(job) });
        assert_eq!(queued, Ok(true));
    }

    fn find(&self, number: u32) -> Option<Job> {
        self.store
            .snapshot(|repos| -> StoreResult<_> { repos.jobs().find(sample::job(number).id) })
            .unwrap()
    }

    fn runs(&self, outcome: &str) -> u64 {
        let metrics = TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap();
        let line = format!("doorward_job_runs_total{{kind=\"sample\",outcome=\"{outcome}\"}} ");
        let value = metrics.lines().find_map(|text| text.strip_prefix(&line)).unwrap();
        value.parse().unwrap()
    }
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..LIMIT.as_millis() / 5 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("{what}");
}

#[test]
fn a_queued_job_is_run_at_once_when_the_workers_are_woken() {
    let instance = Instance::new();
    let (handler, runs) = reporting();
    let _runner = instance.start(NEVER, vec![handler]);
    for number in 1..=3 {
        instance.enqueue(&sample::job(number));
        instance.wake.notify();
        assert_eq!(
            runs.recv_timeout(LIMIT).map(|job| job.id),
            Ok(sample::job(number).id)
        );
        eventually("completed", || instance.find(number).is_none());
    }
    eventually("counted", || instance.runs("completed") == 3);
}

#[test]
fn a_job_of_another_instance_is_found_by_polling() {
    let instance = Instance::new();
    let (handler, runs) = reporting();
    let _runner = instance.start(OFTEN, vec![handler]);
    instance.enqueue(&sample::job(1));
    assert!(runs.recv_timeout(LIMIT).is_ok());
}

#[test]
fn a_failed_job_is_retried_until_it_is_given_up() {
    let instance = Instance::new();
    instance.enqueue(&NewJob {
        give_up_at: after(25),
        ..sample::job(1)
    });
    let _runner = instance.start_on_steady_clock(
        OFTEN,
        vec![handler(|_| Err(JobError::Retry("planted".to_owned())))],
    );
    for (retries, seconds) in [(1, 10), (2, 20)] {
        eventually("retried", || instance.runs("retried") == retries);
        assert_eq!(instance.find(1).map(|job| job.due_at), Some(after(seconds)));
        instance.clock.set(after(seconds));
    }
    eventually("given up", || instance.runs("dead") == 1);
    let job = instance.find(1).unwrap();
    assert_eq!((job.state, job.attempts), (JobState::Dead(after(20)), 3));
}

#[test]
fn a_permanent_failure_is_not_retried_and_a_panic_is() {
    let instance = Instance::new();
    instance.enqueue(&sample::job(1));
    instance.enqueue(&sample::job(2));
    let _runner = instance.start(
        OFTEN,
        vec![handler(|job| {
            assert!(job.id == sample::job(1).id, "planted");
            Err(JobError::Permanent("planted".to_owned()))
        })],
    );
    eventually("both ran", || {
        instance.runs("dead") == 1 && instance.runs("retried") == 1
    });
    assert_eq!(instance.find(1).map(|job| job.state), Some(JobState::Dead(START)));
    let retried = instance.find(2).unwrap();
    assert_eq!(retried.last_failure.unwrap().as_str(), "the handler panicked");
}

#[test]
fn a_kind_that_hangs_stops_no_other_and_its_job_is_due_again() {
    let instance = Instance::new();
    let (release, hang) = channel::<()>();
    let hang = Mutex::new(hang);
    let hanging: Arc<dyn JobHandler> = Arc::new(Handler {
        kind: JobKind::new("hanging"),
        run: move |_: &Job| {
            let _ = hang.lock().unwrap().recv();
            Ok(())
        },
    });
    let stuck = NewJob {
        kind: JobKind::new("hanging"),
        ..sample::job(9)
    };
    instance.enqueue(&stuck);
    let (handler, runs) = reporting();
    let runner = instance.start(OFTEN, vec![hanging, handler]);
    eventually("it hangs", || {
        instance.find(9).is_some_and(|job| job.attempts == 1)
    });
    for number in 1..=3 {
        instance.enqueue(&sample::job(number));
        assert!(runs.recv_timeout(LIMIT).is_ok());
    }
    // Ended without waiting for it: it is due again when its lease ends.
    drop(runner);
    let job = instance.find(9).unwrap();
    assert_eq!((job.due_at, job.state), (after(180), JobState::Ready));
    drop(release);
}

#[test]
fn stopping_waits_for_the_running_job_and_begins_no_other() {
    let instance = Instance::new();
    instance.enqueue(&sample::job(1));
    instance.enqueue(&sample::job(2));
    let (begun, begins): (Sender<()>, _) = channel();
    let runner = instance.start(
        NEVER,
        vec![handler(move |_| {
            let _ = begun.send(());
            thread::sleep(Duration::from_millis(200));
            Ok(())
        })],
    );
    begins.recv_timeout(LIMIT).unwrap();
    runner.stop();
    assert_eq!(instance.find(1), None);
    assert_eq!(instance.find(2).map(|job| job.attempts), Some(0));
}

#[test]
fn an_outage_of_the_store_delays_jobs_and_repeats_none() {
    let instance = Instance::new();
    instance.enqueue(&sample::job(1));
    let outage = StoreError::Unavailable("planted".to_owned());
    let (done, runs) = channel();
    let store = Arc::clone(&instance.store);
    let _runner = instance.start(
        OFTEN,
        vec![handler(move |_| {
            // The job is done, and the store goes away before that can be stored.
            store.fail_with(Some(StoreError::Unavailable("planted".to_owned())));
            let _ = done.send(());
            Ok(())
        })],
    );
    runs.recv_timeout(LIMIT).unwrap();
    thread::sleep(Duration::from_millis(50));
    instance.store.fail_with(None);
    eventually("completed", || instance.runs("completed") == 1);
    assert_eq!(runs.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty));

    // Nothing can be claimed meanwhile, and everything afterwards.
    instance.store.fail_with(Some(outage));
    thread::sleep(Duration::from_millis(20));
    instance.store.fail_with(None);
    instance.enqueue(&sample::job(2));
    runs.recv_timeout(LIMIT).unwrap();
    instance.store.fail_with(None);
}

#[test]
fn instances_share_the_jobs_of_one_store() {
    let store = Arc::<MemoryStore>::default();
    let instances = [(); 3].map(|()| Instance::over(Arc::clone(&store)));
    for number in 1..=60 {
        instances[0].enqueue(&sample::job(number));
    }
    let (done, runs) = channel();
    let _runners: Vec<JobRunner> = instances
        .iter()
        .map(|instance| {
            let done = done.clone();
            instance.start(
                OFTEN,
                vec![handler(move |job| {
                    let _ = done.send(job.id);
                    Ok(())
                })],
            )
        })
        .collect();
    let mut seen: Vec<_> = (0..60).map(|_| runs.recv_timeout(LIMIT).unwrap()).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 60);
    let completed = || -> u64 { instances.iter().map(|instance| instance.runs("completed")).sum() };
    eventually("all completed", || completed() == 60);
    assert!(runs.try_recv().is_err(), "a job was run twice");
}
