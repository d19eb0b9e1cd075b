//! Readiness of the store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::application::Application;
use crate::origin::RequestOrigin;

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
    app: Arc<Application>,
    succeeded: bool,
}

impl Running {
    async fn run(mut self, origin: RequestOrigin) {
        let check = self.app.run(&origin, |use_cases, _| use_cases.store.check());
        self.succeeded = check.await.is_ok();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.app.readiness().finish(self.succeeded);
    }
}

impl Application {
    /// Whether the store can be read and written: checked on the storage lane, like the requests that it stands for, at most
    /// once a second. False if the check takes more than 1.5 s.
    pub async fn store_is_ready(self: &Arc<Self>, origin: &RequestOrigin) -> bool {
        let readiness = self.readiness();
        // Before the state is read, so that the end of a check is not missed.
        let finished = readiness.finished.notified();
        if let Some(recent) = readiness.recent() {
            return recent;
        }
        if readiness.begin() {
            let running = Running {
                app: Arc::clone(self),
                succeeded: false,
            };
            // A caller that stops waiting must not stop the check.
            tokio::spawn(running.run(origin.clone()));
        }
        tokio::time::timeout(WAIT, finished).await.is_ok() && readiness.recent().unwrap_or(false)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the age of a check is measured by the monotonic clock; no domain policy depends on it"
)]
fn now() -> Instant {
    Instant::now()
}
