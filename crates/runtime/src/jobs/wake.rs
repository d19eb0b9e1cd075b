use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Wakes idle workers when a transaction of this instance has queued a job, and ends all workers.
#[derive(Default)]
pub(crate) struct JobWake {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    notifications: u64,
    is_stopped: bool,
    /// Workers that have not ended.
    workers: usize,
}

/// A worker that has not ended. When dropped, it has.
pub(crate) struct LiveWorker<'w>(&'w JobWake);

impl JobWake {
    /// Wakes the workers that wait, and those that will wait with an older [`position`](Self::position).
    pub(crate) fn notify(&self) {
        self.state().notifications += 1;
        self.changed.notify_all();
    }

    /// How many notifications there have been. A worker reads it **before** it looks for jobs, so that it misses none.
    pub(crate) fn position(&self) -> u64 {
        self.state().notifications
    }

    /// Waits for a notification after `position`, for the end of all workers, or for the time. Returns whether to go on.
    pub(crate) fn wait(&self, position: u64, time: Duration) -> bool {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.state(), time, |state| {
                state.notifications == position && !state.is_stopped
            })
            .unwrap_or_else(PoisonError::into_inner);
        !state.is_stopped
    }

    /// Waits for the end of all workers, or for the time. Returns whether to go on.
    pub(crate) fn pause(&self, time: Duration) -> bool {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.state(), time, |state| !state.is_stopped)
            .unwrap_or_else(PoisonError::into_inner);
        !state.is_stopped
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state().is_stopped
    }

    /// Makes workers end after their job.
    pub(crate) fn stop(&self) {
        self.state().is_stopped = true;
        self.changed.notify_all();
    }

    /// Waits until every worker has ended, or for the time. Returns how many have not.
    pub(crate) fn wait_for_workers(&self, time: Duration) -> usize {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.state(), time, |state| state.workers > 0)
            .unwrap_or_else(PoisonError::into_inner);
        state.workers
    }

    pub(crate) fn worker(&self) -> LiveWorker<'_> {
        self.state().workers += 1;
        LiveWorker(self)
    }

    /// No code panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LiveWorker<'_> {
    fn drop(&mut self) {
        self.0.state().workers -= 1;
        self.0.changed.notify_all();
    }
}
