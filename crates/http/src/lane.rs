//! A lane: the one crossing from asynchronous workers to blocking work.
//!
//! A lane is a fixed number of threads behind a bounded queue. When the queue is full, or a job has waited longer than
//! the lane's deadline, the job is refused: an answer that comes late costs as much as one that comes in time and helps
//! nobody. A job whose client has gone is dropped unstarted.
//!
//! Hashing and storage each have a lane of their own, so that a storm of logins leaves refreshes alone.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

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
}

/// A job that was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LaneError {
    /// The queue was full, or the job waited too long.
    #[error("the {lane} lane is full")]
    Overloaded {
        lane: &'static str,
        retry_after: Duration,
    },
    /// The job runs, and has not ended within its limit.
    #[error("a job on the {lane} lane takes too long")]
    Stuck {
        lane: &'static str,
        retry_after: Duration,
    },
    /// The job panicked.
    #[error("a job on the {lane} lane panicked")]
    Panicked { lane: &'static str },
}

/// A bounded number of threads behind a bounded queue.
pub(crate) struct Lane {
    name: &'static str,
    settings: LaneSettings,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

struct State {
    jobs: VecDeque<Job>,
    closed: bool,
}

/// Work, and the way to find out whether it is still wanted.
struct Job {
    stage: Arc<AtomicU8>,
    run: Box<dyn FnOnce() + Send>,
}

/// A job waits, and is then either taken by a thread or given up by its caller, never both.
const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Moves a job on from waiting. Answers whether it still was.
fn leave_waiting(stage: &AtomicU8, next: u8) -> bool {
    stage
        .compare_exchange(WAITING, next, Ordering::AcqRel, Ordering::Acquire)
        .is_ok()
}

impl Lane {
    /// Starts the lane's threads.
    pub(crate) fn start(name: &'static str, settings: LaneSettings) -> std::io::Result<Self> {
        let state = Mutex::new(State {
            jobs: VecDeque::with_capacity(settings.queue),
            closed: false,
        });
        let shared = Arc::new(Shared {
            state,
            wake: Condvar::new(),
        });
        for number in 0..settings.workers {
            let shared = Arc::clone(&shared);
            thread::Builder::new()
                .name(format!("{name}-{number}"))
                .spawn(move || shared.work())?;
        }
        Ok(Self {
            name,
            settings,
            shared,
        })
    }

    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.lock().jobs.len()
    }

    /// Refuses when a job would be refused now: for callers with something to do before they come here.
    pub(crate) fn has_room(&self) -> Result<(), LaneError> {
        if self.waiting() < self.settings.queue {
            Ok(())
        } else {
            Err(self.overloaded())
        }
    }

    /// Runs `work` on the lane and answers what it answers.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, LaneError> {
        let (sender, mut receiver) = oneshot::channel();
        let stage = Arc::new(AtomicU8::new(WAITING));
        let run = Box::new(move || {
            // Whoever has gone needs no answer, and what nobody waits for is not begun.
            if !sender.is_closed() {
                let _ = sender.send(work());
            }
        });
        self.queue(Job {
            stage: Arc::clone(&stage),
            run,
        })?;
        let panicked = |_| LaneError::Panicked { lane: self.name };
        if let Ok(answer) = timeout(self.settings.deadline, &mut receiver).await {
            return answer.map_err(panicked);
        }
        if leave_waiting(&stage, GIVEN_UP) {
            return Err(self.overloaded());
        }
        match timeout(self.settings.limit, receiver).await {
            Ok(answer) => answer.map_err(panicked),
            Err(_elapsed) => Err(LaneError::Stuck {
                lane: self.name,
                retry_after: self.settings.deadline,
            }),
        }
    }

    fn queue(&self, job: Job) -> Result<(), LaneError> {
        let mut state = self.shared.lock();
        if state.jobs.len() >= self.settings.queue {
            return Err(self.overloaded());
        }
        state.jobs.push_back(job);
        drop(state);
        self.shared.wake.notify_one();
        Ok(())
    }

    /// What is refused now has a fair chance when the queue of now has been worked off or given up.
    const fn overloaded(&self) -> LaneError {
        LaneError::Overloaded {
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
        while let Some(job) = self.next() {
            if leave_waiting(&job.stage, TAKEN) {
                // The thread outlives a job that panics: the panic hook has logged it, the client is told.
                let _ = catch_unwind(AssertUnwindSafe(job.run));
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn lane(workers: usize, queue: usize, deadline: Duration) -> Arc<Lane> {
        Arc::new(
            Lane::start(
                "test",
                LaneSettings {
                    workers,
                    queue,
                    deadline,
                    limit: Duration::from_millis(500),
                },
            )
            .unwrap(),
        )
    }

    /// Occupies a worker until the returned sender is dropped.
    async fn occupy(lane: &Arc<Lane>) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel::<()>();
        let (started, has_started) = oneshot::channel();
        let lane = Arc::clone(lane);
        tokio::spawn(async move {
            lane.run(move || {
                let _ = started.send(());
                let _ = released.recv();
            })
            .await
        });
        has_started.await.unwrap();
        release
    }

    #[tokio::test]
    async fn work_is_answered() {
        assert_eq!(lane(2, 4, Duration::from_secs(5)).run(|| 6 * 7).await, Ok(42));
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let lane = lane(1, 1, Duration::from_secs(5));
        let release = occupy(&lane).await;
        let waiting = tokio::spawn({
            let lane = Arc::clone(&lane);
            async move { lane.run(|| "waited").await }
        });
        while lane.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(lane.has_room(), Err(LaneError::Overloaded { .. })));
        assert!(matches!(
            lane.run(|| "refused").await,
            Err(LaneError::Overloaded { .. })
        ));
        drop(release);
        assert_eq!(waiting.await.unwrap(), Ok("waited"));
        assert_eq!(lane.has_room(), Ok(()));
    }

    #[tokio::test]
    async fn a_job_that_waited_too_long_is_not_done() {
        let deadline = Duration::from_millis(50);
        let lane = lane(1, 4, deadline);
        let release = occupy(&lane).await;
        let (ran, has_run) = mpsc::channel();
        let waited = tokio::spawn({
            let lane = Arc::clone(&lane);
            async move { lane.run(move || ran.send(())).await }
        });
        while lane.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(2 * deadline).await;
        drop(release);
        assert!(matches!(waited.await.unwrap(), Err(LaneError::Overloaded { .. })));
        assert!(has_run.recv().is_err());
    }

    #[tokio::test]
    async fn a_caller_is_told_when_a_job_does_not_end() {
        let lane = lane(1, 4, Duration::from_millis(10));
        let (release, released) = mpsc::channel::<()>();
        let stuck = lane.run(move || released.recv()).await;
        assert!(matches!(stuck, Err(LaneError::Stuck { .. })));
        drop(release);
        assert_eq!(
            lane.run(|| "and the thread goes on").await,
            Ok("and the thread goes on")
        );
    }

    #[tokio::test]
    async fn a_panic_costs_one_job_not_the_thread() {
        let lane = lane(1, 4, Duration::from_secs(5));
        assert_eq!(
            lane.run(|| panic!("planted")).await,
            Err::<(), _>(LaneError::Panicked { lane: "test" })
        );
        assert_eq!(lane.run(|| 1).await, Ok(1));
    }
}
