//! What has to be done now and then, whether or not anybody asks: on one thread, one thing after the other.
//!
//! Every instance does every chore; each chore is such that any number of instances may do it at once.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::failure::Failure;

/// Something to be done now and then.
pub struct Chore {
    /// What the log calls it.
    pub name: &'static str,
    /// How long after one time comes the next.
    pub every: Duration,
    /// Does it, or says why it could not be done.
    pub work: Box<dyn FnMut() -> Result<(), String> + Send>,
}

/// Chores that are being done until this is dropped.
pub struct Chores {
    stopped: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Chores {
    /// Begins to do chores, each for the first time when its interval has passed.
    pub fn start(chores: Vec<Chore>) -> Result<Self, Failure> {
        let stopped = Arc::new((Mutex::new(false), Condvar::new()));
        let told = Arc::clone(&stopped);
        let thread = thread::Builder::new()
            .name("chores".to_owned())
            .spawn(move || run(chores, &told))
            .map_err(Failure::other_error)?;
        Ok(Self {
            stopped,
            thread: Some(thread),
        })
    }
}

impl Drop for Chores {
    /// Lets the chore that is under way finish.
    fn drop(&mut self) {
        let (stopped, wake) = &*self.stopped;
        *stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // A chore that panicked has been logged by the panic hook.
            let _ = thread.join();
        }
    }
}

fn run(mut chores: Vec<Chore>, stopped: &(Mutex<bool>, Condvar)) {
    // How long each chore still has to wait. Time that chores themselves take only makes the next ones come later.
    let mut waits: Vec<Duration> = chores.iter().map(|chore| chore.every).collect();
    while let Some(next) = waits.iter().min().copied() {
        if is_stopped_after(next, stopped) {
            return;
        }
        for (chore, wait) in chores.iter_mut().zip(&mut waits) {
            *wait = wait.saturating_sub(next);
            if wait.is_zero() {
                *wait = chore.every;
                if let Err(cause) = (chore.work)() {
                    tracing::warn!(
                        chore = chore.name,
                        cause,
                        "could not be done; it will be tried again"
                    );
                }
            }
        }
    }
}

fn is_stopped_after(wait: Duration, (stopped, wake): &(Mutex<bool>, Condvar)) -> bool {
    let guard = stopped.lock().unwrap_or_else(PoisonError::into_inner);
    let (guard, _) = wake
        .wait_timeout_while(guard, wait, |stopped| !*stopped)
        .unwrap_or_else(PoisonError::into_inner);
    *guard
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn each_chore_is_done_again_and_again_and_a_failure_stops_none() {
        let (done, told) = mpsc::channel();
        let chore = |name: &'static str, millis| {
            let done = done.clone();
            let work = move || {
                let _ = done.send(name);
                if name == "bad" {
                    Err("planted".to_owned())
                } else {
                    Ok(())
                }
            };
            Chore {
                name,
                every: Duration::from_millis(millis),
                work: Box::new(work),
            }
        };
        let chores = Chores::start(vec![chore("bad", 5), chore("good", 20)]).unwrap();
        let seen: Vec<_> = told.iter().take(20).collect();
        assert!(
            seen.iter().filter(|name| **name == "good").count() >= 2,
            "{seen:?}"
        );
        assert!(
            seen.iter().filter(|name| **name == "bad").count() >= 10,
            "{seen:?}"
        );
        drop(chores);
        drop(done);
        assert!(told.iter().count() < 5, "chores go on when they are stopped");
    }

    #[test]
    fn stopping_does_not_wait_for_the_next_time() {
        let work = Box::new(|| Ok(()));
        drop(
            Chores::start(vec![Chore {
                name: "rare",
                every: Duration::from_secs(3600),
                work,
            }])
            .unwrap(),
        );
    }
}
