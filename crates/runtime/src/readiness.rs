//! Readiness of the store: a check that is shared.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::timeout;

/// How long the result of a check is used.
const FRESH: Duration = Duration::from_secs(1);

/// How long a caller waits for a check. The check itself may take longer, if the database hangs.
const WAIT: Duration = Duration::from_millis(1500);

/// The last check of the store. There is at most one check at a time, and its result is shared: anyone may ask for it, as
/// often as they like.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    state: Mutex<State>,
    finished: Notify,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Check>,
    is_running: bool,
}

#[derive(Debug, Clone, Copy)]
struct Check {
    finished_at: Instant,
    succeeded: bool,
}

impl Readiness {
    /// Nothing panics while the lock is held.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The result of the last check, if it is recent.
    fn recent(&self) -> Option<bool> {
        let check = self.lock().last?;
        (now().duration_since(check.finished_at) < FRESH).then_some(check.succeeded)
    }

    /// Whether the caller has to run a check.
    fn begin(&self) -> bool {
        !std::mem::replace(&mut self.lock().is_running, true)
    }

    fn finish(&self, succeeded: bool) {
        *self.lock() = State {
            last: Some(Check {
                finished_at: now(),
                succeeded,
            }),
            is_running: false,
        };
        self.finished.notify_waiters();
    }
}

/// A check; it ends when this is dropped, failed if it was abandoned.
struct Running {
    readiness: Arc<Readiness>,
    succeeded: bool,
}

impl Running {
    async fn run(mut self, check: impl Future<Output = bool>) {
        self.succeeded = check.await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.readiness.finish(self.succeeded);
    }
}

impl Readiness {
    /// Returns the result of the last check, or of `check` if that is not recent and none is running. False if the check takes
    /// longer than [`WAIT`].
    pub(crate) async fn get<F>(self: &Arc<Self>, check: impl FnOnce() -> F) -> bool
    where
        F: Future<Output = bool> + Send + 'static,
    {
        // Before the state is read, so that the end of a check is not missed.
        let finished = self.finished.notified();
        if let Some(recent) = self.recent() {
            return recent;
        }
        if self.begin() {
            let running = Running {
                readiness: Arc::clone(self),
                succeeded: false,
            };
            // A caller that stops waiting must not stop the check.
            tokio::spawn(running.run(check()));
        }
        timeout(WAIT, finished).await.is_ok() && self.recent().unwrap_or(false)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the age of a check is measured by the monotonic clock; no domain policy depends on it"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::task::{JoinSet, yield_now};

    use super::*;

    #[tokio::test]
    async fn many_callers_share_one_check() {
        let (readiness, checks) = (Arc::<Readiness>::default(), Arc::<AtomicUsize>::default());
        let mut callers = JoinSet::new();
        for _ in 0..50 {
            let (readiness, checks) = (Arc::clone(&readiness), Arc::clone(&checks));
            callers.spawn(async move {
                let check = || async move {
                    checks.fetch_add(1, Ordering::Relaxed);
                    yield_now().await;
                    true
                };
                readiness.get(check).await
            });
        }
        assert_eq!(callers.join_all().await, [true; 50]);
        assert_eq!(checks.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_fails_and_is_not_started_again() {
        let readiness = Arc::<Readiness>::default();
        assert!(!readiness.get(pending).await);
        assert!(!readiness.get(|| async { unreachable!() }).await);
    }
}
