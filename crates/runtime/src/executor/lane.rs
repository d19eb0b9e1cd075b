//! A lane: the one crossing from asynchronous workers to blocking work.
//!
//! A lane is a fixed number of threads behind a bounded queue. When the queue is full, or a job has waited longer than
//! the lane's deadline, the job is refused: an answer that comes late costs as much as one that comes in time and helps
//! nobody. A job whose client has gone is dropped unstarted.
//!
//! Hashing and storage each have a lane of their own, so that a storm of logins leaves refreshes alone. Within a lane the
//! clients share the queue ([`FairQueue`]), so that one client's storm leaves other clients their turns.

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
use super::metrics::{LaneMetrics, Refusal};
use super::priority;

/// How long a thread has no work before it counts as idle: between two jobs of a busy lane there may be a moment.
const IDLE_DELAY: Duration = Duration::from_millis(100);

/// The bounds of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneSettings {
    /// How many jobs run at once.
    pub workers: usize,
    /// How many jobs may wait.
    pub queue: usize,
    /// How long a job may wait.
    pub deadline: Duration,
    /// How long its caller waits for a job once it runs. A job that takes longer is not stopped, which is not possible, but
    /// its caller is told.
    pub limit: Duration,
    /// How its threads are scheduled.
    pub priority: Priority,
}

/// How the threads of a lane are scheduled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// As every other thread.
    Normal,
    /// After other threads, where the system can do that for single threads (Linux): work that is long and can be refused
    /// must not delay work that is short.
    Low,
}

/// A bounded number of threads behind a bounded queue.
pub struct Lane {
    name: &'static str,
    settings: LaneSettings,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    metrics: LaneMetrics,
    /// Called by a thread that becomes idle after it has worked.
    on_idle: Box<dyn Fn() + Send + Sync>,
}

struct State {
    jobs: FairQueue<ClientKey, Job>,
    closed: bool,
}

/// Work, and the way to find out whether it is still wanted.
struct Job {
    stage: Arc<AtomicU8>,
    queued_at: Instant,
    run: Box<dyn FnOnce() + Send>,
}

/// A job waits, and is then taken by a thread, given up by its caller, or displaced by another client's: one of them.
const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const GIVEN_UP: u8 = 2;
const DISPLACED: u8 = 3;

/// Moves a job on from waiting. Answers whether it still was.
fn leave_waiting(stage: &AtomicU8, next: u8) -> bool {
    stage
        .compare_exchange(WAITING, next, Ordering::AcqRel, Ordering::Acquire)
        .is_ok()
}

/// Gives a job up when its caller stops waiting for it, be it that the client has gone.
struct Caller(Arc<AtomicU8>);

impl Drop for Caller {
    fn drop(&mut self) {
        leave_waiting(&self.0, GIVEN_UP);
    }
}

impl Lane {
    /// Starts the lane's threads. Each calls `on_idle` when it becomes idle after it has worked.
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

    /// How many threads it has.
    pub const fn workers(&self) -> usize {
        self.settings.workers
    }

    /// The name of the lane, in errors, metrics and spans.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Refuses when a job of this client would be refused now: for callers with something to do before they come here.
    pub fn has_room(&self, client: &ClientKey) -> Result<(), ExecutorError> {
        let mut state = self.shared.lock();
        if state.jobs.is_full() {
            state.jobs.retain(Job::is_wanted);
        }
        if state.jobs.has_room(client) {
            Ok(())
        } else {
            Err(self.refused(Refusal::Full))
        }
    }

    /// Runs `work` on the lane, on behalf of `client`, and answers what it answers.
    pub async fn run<T: Send + 'static>(
        &self,
        client: ClientKey,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ExecutorError> {
        let (sender, mut receiver) = oneshot::channel();
        let caller = Caller(Arc::new(AtomicU8::new(WAITING)));
        let run = Box::new(move || {
            // Whoever has gone needs no answer.
            let _ = sender.send(work());
        });
        let job = Job {
            stage: Arc::clone(&caller.0),
            queued_at: now(),
            run,
        };
        self.queue(client, job)?;
        if let Ok(answer) = timeout(self.settings.deadline, &mut receiver).await {
            return answer.map_err(|_gone| self.lost(&caller));
        }
        if leave_waiting(&caller.0, GIVEN_UP) {
            return Err(self.refused(Refusal::Waited));
        }
        match timeout(self.settings.limit, receiver).await {
            Ok(answer) => answer.map_err(|_gone| self.lost(&caller)),
            Err(_elapsed) => {
                self.shared.metrics.refused(Refusal::Stuck);
                Err(ExecutorError::Stuck {
                    lane: self.name,
                    retry_after: self.settings.deadline,
                })
            }
        }
    }

    /// Why a job is gone without an answer.
    fn lost(&self, caller: &Caller) -> ExecutorError {
        if caller.0.load(Ordering::Acquire) == DISPLACED {
            return self.refused(Refusal::Displaced);
        }
        ExecutorError::Panicked { lane: self.name }
    }

    fn queue(&self, client: ClientKey, job: Job) -> Result<(), ExecutorError> {
        let mut state = self.shared.lock();
        if state.jobs.is_full() {
            // What nobody waits for any more takes nobody's place.
            state.jobs.retain(Job::is_wanted);
        }
        let pushed = state.jobs.push(client, job);
        self.shared.metrics.waiting(state.jobs.len());
        drop(state);
        match pushed {
            Pushed::Queued => self.shared.wake.notify_one(),
            // As many wait as before, and for each of them somebody was woken. Dropping the job tells its caller.
            Pushed::Displaced(job) => {
                leave_waiting(&job.stage, DISPLACED);
            }
            Pushed::Refused(_) => return Err(self.refused(Refusal::Full)),
        }
        Ok(())
    }

    fn refused(&self, why: Refusal) -> ExecutorError {
        self.shared.metrics.refused(why);
        self.overloaded()
    }

    /// What is refused now has a fair chance when the queue of now has been worked off or given up.
    const fn overloaded(&self) -> ExecutorError {
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
    /// No job runs while the lock is held, so a poisoned lock guards a sound state.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut has_worked = false;
        while let Some(job) = self.next(&mut has_worked) {
            has_worked = true;
            if leave_waiting(&job.stage, TAKEN) {
                let _running = self.metrics.run(now().duration_since(job.queued_at));
                // The thread outlives a job that panics: the panic hook has logged it, the client is told.
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
    reason = "how long a job waits is measured, not decided: no policy reads it"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
