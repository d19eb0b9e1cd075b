//! What has to be done now and then, whether or not anybody asks: on one thread, one thing after the other.
//!
//! Every instance does every chore; each chore is such that any number of instances may do it at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
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
}

impl Chores {
    /// Begins to do chores, each for the first time when its interval has passed.
    pub fn start(chores: Vec<Chore>) -> Result<Self, Failure> {
        let stopped = Arc::new((Mutex::new(false), Condvar::new()));
        let told = Arc::clone(&stopped);
        thread::Builder::new()
            .name("chores".to_owned())
            .spawn(move || run(chores, &told))
            .map_err(Failure::other_error)?;
        Ok(Self { stopped })
    }
}

impl Drop for Chores {
    /// Begins no other chore. Nobody waits for the one that is under way: it may be waiting for a database that is away,
    /// and loses nothing when it is broken off.
    fn drop(&mut self) {
        let (stopped, wake) = &*self.stopped;
        *stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        wake.notify_all();
    }
}

/// A chore, and how it stands with it.
struct Turn {
    chore: Chore,
    /// How long until it is done again.
    wait: Duration,
    was_well: bool,
}

fn run(chores: Vec<Chore>, stopped: &(Mutex<bool>, Condvar)) {
    let turn = |chore: Chore| Turn {
        wait: chore.every,
        chore,
        was_well: true,
    };
    let mut turns: Vec<Turn> = chores.into_iter().map(turn).collect();
    // Time that chores themselves take only makes the next ones come later.
    while let Some(next) = turns.iter().map(|turn| turn.wait).min() {
        if is_stopped_after(next, stopped) {
            return;
        }
        for turn in &mut turns {
            turn.wait = turn.wait.saturating_sub(next);
            if turn.wait.is_zero() {
                turn.wait = turn.chore.every;
                turn.take();
            }
        }
    }
}

impl Turn {
    /// Does the chore. The log is told when it begins to fail and when it succeeds again, not each time.
    fn take(&mut self) {
        let chore = self.chore.name;
        // A chore that panics has been logged by the panic hook; the others, and its next time, are not its victims.
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.chore.work)()));
        match outcome.unwrap_or_else(|_| Err("it panicked".to_owned())) {
            Ok(()) => {
                if !self.was_well {
                    tracing::info!(chore, "can be done again");
                }
                self.was_well = true;
            }
            Err(cause) => {
                if self.was_well {
                    tracing::error!(chore, cause, "cannot be done; it will be tried again");
                }
                self.was_well = false;
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
