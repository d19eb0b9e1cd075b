//! Lanes run blocking work for asynchronous callers.
//!
//! A lane is a fixed number of threads with a bounded queue. A job is rejected when the queue is full or when it has waited
//! longer than the lane's deadline: a late result costs as much as a timely one and is of no use. A job whose caller has
//! stopped waiting is dropped without being run.
//!
//! Password hashing and storage have separate lanes, so that a flood of logins does not delay refreshes. Within a lane the
//! clients share the queue fairly ([`FairQueue`]), so that a flood from one client does not starve others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::client_key::ClientKey;
use crate::error::ExecutorError;

use super::fair_queue::{FairQueue, Pushed};
use super::metrics::{LaneMetrics, RejectReason};
use super::priority;

/// How long a thread is without a job before it counts as idle, so that short gaps between jobs do not count.
const IDLE_DELAY: Duration = Duration::from_millis(100);

/// The settings of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneSettings {
    /// The number of threads: how many jobs run at once.
    pub workers: usize,
    /// The size of the queue.
    pub queue: usize,
    /// How long a job may wait in the queue.
    pub deadline: Duration,
    /// How long a caller waits for a running job. After that the caller gets an error; the job cannot be stopped and runs to
    /// its end.
    pub limit: Duration,
    /// The scheduling priority of the threads.
    pub priority: Priority,
}

/// The scheduling priority of a lane's threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// The priority of the process.
    Normal,
    /// Below other threads, where the system supports it per thread (Linux): long jobs must not delay short ones.
    Low,
}

/// A thread pool with a bounded, fair queue. Dropping it ends the threads after the queued jobs.
pub struct Lane {
    name: &'static str,
    settings: LaneSettings,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    metrics: LaneMetrics,
    /// Called by a thread when it becomes idle after a job.
    on_idle: Box<dyn Fn() + Send + Sync>,
}

struct State {
    jobs: FairQueue<ClientKey, Job>,
    closed: bool,
}

/// A queued job.
struct Job {
    stage: Arc<AtomicU8>,
    queued_at: Instant,
    run: Box<dyn FnOnce() + Send>,
}

/// The stages of a job. From `WAITING` it moves to exactly one of the others: taken by a thread, abandoned by its caller,
/// or displaced by another client's job.
const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const ABANDONED: u8 = 2;
const DISPLACED: u8 = 3;

/// Moves a job from `WAITING` to `next`. Returns whether it was waiting.
fn leave_waiting(stage: &AtomicU8, next: u8) -> bool {
    stage
        .compare_exchange(WAITING, next, Ordering::AcqRel, Ordering::Acquire)
        .is_ok()
}

/// Marks the job as abandoned when the caller's future is dropped, for example because the client has disconnected.
struct Caller(Arc<AtomicU8>);

impl Drop for Caller {
    fn drop(&mut self) {
        leave_waiting(&self.0, ABANDONED);
    }
}

impl Lane {
    /// Starts the lane's threads. Each calls `on_idle` when it becomes idle after a job.
    pub(crate) fn start(
        name: &'static str,
        settings: LaneSettings,
        metrics: LaneMetrics,
        on_idle: impl Fn() + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let state = Mutex::new(State {
            jobs: FairQueue::new(settings.queue),
            closed: false,
        });
        let shared = Arc::new(Shared {
            state,
            wake: Condvar::new(),
            metrics,
            on_idle: Box::new(on_idle),
        });
        for number in 0..settings.workers {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name(format!("{name}-{number}"))
                .spawn(move || {
                    if settings.priority == Priority::Low {
                        priority::lower();
                    }
                    shared.work();
                })?;
        }
        Ok(Self {
            name,
            settings,
            shared,
        })
    }

    /// The number of threads.
    pub const fn workers(&self) -> usize {
        self.settings.workers
    }

    /// How long a caller waits for a running job.
    pub(crate) const fn limit(&self) -> Duration {
        self.settings.limit
    }

    /// The name of the lane, in errors, metrics and spans.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns an error if a job of this client would be rejected now, for callers with work to do before they queue it.
    pub fn check_room(&self, client: &ClientKey) -> Result<(), ExecutorError> {
        let mut state = self.shared.lock();
        if state.jobs.is_full() {
            state.jobs.retain(Job::is_wanted);
        }
        if state.jobs.has_room(client) {
            Ok(())
        } else {
            Err(self.reject(RejectReason::Full))
        }
    }

    /// Runs `work` on the lane on behalf of `client` and returns its result.
    pub async fn run<T: Send + 'static>(
        &self,
        client: ClientKey,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ExecutorError> {
        self.run_within(Duration::MAX, client, work).await
    }

    /// Like [`run`](Self::run), but the caller waits for no longer than `total`, in the queue and for the running job together.
    pub async fn run_within<T: Send + 'static>(
        &self,
        total: Duration,
        client: ClientKey,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ExecutorError> {
        let deadline = self.settings.deadline.min(total);
        let (sender, mut receiver) = oneshot::channel();
        let caller = Caller(Arc::new(AtomicU8::new(WAITING)));
        let run = Box::new(move || {
            // Fails if the caller has stopped waiting.
            let _ = sender.send(work());
        });
        let job = Job {
            stage: Arc::clone(&caller.0),
            queued_at: now(),
            run,
        };
        self.queue(client, job)?;
        if let Ok(result) = timeout(deadline, &mut receiver).await {
            return result.map_err(|_dropped| self.dropped(&caller));
        }
        if leave_waiting(&caller.0, ABANDONED) {
            return Err(self.reject(RejectReason::Waited));
        }
        let limit = self.settings.limit.min(total.saturating_sub(deadline));
        match timeout(limit, receiver).await {
            Ok(result) => result.map_err(|_dropped| self.dropped(&caller)),
            Err(_elapsed) => {
                self.shared.metrics.reject(RejectReason::Stuck);
                Err(ExecutorError::Stuck {
                    lane: self.name,
                    retry_after: self.settings.deadline,
                })
            }
        }
    }

    /// The error for a job that was dropped without a result.
    fn dropped(&self, caller: &Caller) -> ExecutorError {
        if caller.0.load(Ordering::Acquire) == DISPLACED {
            return self.reject(RejectReason::Displaced);
        }
        ExecutorError::Panicked { lane: self.name }
    }

    fn queue(&self, client: ClientKey, job: Job) -> Result<(), ExecutorError> {
        let mut state = self.shared.lock();
        if state.jobs.is_full() {
            // Abandoned jobs must not take up room.
            state.jobs.retain(Job::is_wanted);
        }
        let pushed = state.jobs.push(client, job);
        self.shared.metrics.waiting(state.jobs.len());
        drop(state);
        match pushed {
            Pushed::Queued => self.shared.wake.notify_one(),
            // The queue is as long as before, so no further thread has to be woken. Dropping the job notifies its caller.
            Pushed::Displaced(job) => {
                leave_waiting(&job.stage, DISPLACED);
            }
            Pushed::Rejected(_) => return Err(self.reject(RejectReason::Full)),
        }
        Ok(())
    }

    /// Counts a rejection and returns its error. After the deadline the jobs that are queued now have left the queue.
    fn reject(&self, reason: RejectReason) -> ExecutorError {
        self.shared.metrics.reject(reason);
        ExecutorError::Overloaded {
            lane: self.name,
            retry_after: self.settings.deadline,
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_all();
    }
}

impl Shared {
    /// No job runs while the lock is held, so a poisoned lock guards a consistent state.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut has_worked = false;
        while let Some(job) = self.next(&mut has_worked) {
            has_worked = true;
            if leave_waiting(&job.stage, TAKEN) {
                let _running = self.metrics.run(now().duration_since(job.queued_at));
                // The thread survives a panic of the job: the panic hook logs it, and the caller gets an error.
                let _ = catch_unwind(AssertUnwindSafe(job.run));
            }
        }
    }

    fn next(&self, has_worked: &mut bool) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop() {
                self.metrics.waiting(state.jobs.len());
                return Some(job);
            }
            if state.closed {
                return None;
            }
            if !*has_worked {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let waited = self.wake.wait_timeout(state, IDLE_DELAY);
            let (woken, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if waited.timed_out() && state.jobs.len() == 0 {
                drop(state);
                (self.on_idle)();
                *has_worked = false;
                state = self.lock();
            }
        }
    }
}

impl Job {
    fn is_wanted(&self) -> bool {
        self.stage.load(Ordering::Acquire) == WAITING
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "waiting times are only measured; no policy depends on them"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
