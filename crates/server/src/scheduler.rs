//! Runs periodic tasks on one thread, one after the other.
//!
//! Every instance runs every task, so a task must be safe to run on any number of instances at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::exit::ExitError;

/// A task that runs periodically.
pub struct PeriodicTask {
    /// Its name in the log.
    pub name: &'static str,
    /// The time between two runs.
    pub every: Duration,
    /// Runs the task once.
    pub work: Box<dyn FnMut() -> Result<(), String> + Send>,
}

/// Runs periodic tasks until it is dropped.
pub struct Scheduler {
    stopped: Arc<(Mutex<bool>, Condvar)>,
}

impl Scheduler {
    /// Starts the thread. Each task runs for the first time when its interval has passed.
    pub fn start(tasks: Vec<PeriodicTask>) -> Result<Self, ExitError> {
        let stopped = Arc::new((Mutex::new(false), Condvar::new()));
        let stop_signal = Arc::clone(&stopped);
        thread::Builder::new()
            .name("scheduler".to_owned())
            .spawn(move || run(tasks, &stop_signal))
            .map_err(ExitError::other_error)?;
        Ok(Self { stopped })
    }
}

impl Drop for Scheduler {
    /// Starts no other task. Does not wait for a running one: it may be waiting for a database that is unavailable, and every
    /// task can be interrupted without losing anything.
    fn drop(&mut self) {
        let (stopped, wake) = &*self.stopped;
        *stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        wake.notify_all();
    }
}

/// A task and its state.
struct Entry {
    task: PeriodicTask,
    /// The time until its next run.
    wait: Duration,
    is_failing: bool,
}

fn run(tasks: Vec<PeriodicTask>, stopped: &(Mutex<bool>, Condvar)) {
    let entry = |task: PeriodicTask| Entry {
        wait: task.every,
        task,
        is_failing: false,
    };
    let mut entries: Vec<Entry> = tasks.into_iter().map(entry).collect();
    // The duration of a task delays the next runs; they are not made up for.
    while let Some(next) = entries.iter().map(|entry| entry.wait).min() {
        if is_stopped_after(next, stopped) {
            return;
        }
        for entry in &mut entries {
            entry.wait = entry.wait.saturating_sub(next);
            if entry.wait.is_zero() {
                entry.wait = entry.task.every;
                entry.run();
            }
        }
    }
}

impl Entry {
    /// Runs the task. Logs the first of several failures, and the success after them.
    fn run(&mut self) {
        let chore = self.task.name;
        // The panic hook has logged a panic; the other tasks and later runs go on.
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.task.work)()));
        match outcome.unwrap_or_else(|_| Err("it panicked".to_owned())) {
            Ok(()) => {
                if self.is_failing {
                    tracing::info!(chore, "periodic task succeeded again");
                }
                self.is_failing = false;
            }
            Err(cause) => {
                if !self.is_failing {
                    tracing::error!(chore, cause, "periodic task failed, will retry");
                }
                self.is_failing = true;
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
    fn tasks_run_periodically_and_a_failing_task_stops_no_other() {
        let (done, runs) = mpsc::channel();
        let task = |name: &'static str, millis| {
            let done = done.clone();
            let work = move || {
                let _ = done.send(name);
                if name == "bad" {
                    Err("planted".to_owned())
                } else {
                    Ok(())
                }
            };
            PeriodicTask {
                name,
                every: Duration::from_millis(millis),
                work: Box::new(work),
            }
        };
        let scheduler = Scheduler::start(vec![task("bad", 5), task("good", 20)]).unwrap();
        let seen: Vec<_> = runs.iter().take(20).collect();
        assert!(
            seen.iter().filter(|name| **name == "good").count() >= 2,
            "{seen:?}"
        );
        assert!(
            seen.iter().filter(|name| **name == "bad").count() >= 10,
            "{seen:?}"
        );
        drop(scheduler);
        drop(done);
        assert!(runs.iter().count() < 5, "tasks still run after the stop");
    }

    #[test]
    fn stopping_does_not_wait_for_the_next_run() {
        let work = Box::new(|| Ok(()));
        drop(
            Scheduler::start(vec![PeriodicTask {
                name: "rare",
                every: Duration::from_secs(3600),
                work,
            }])
            .unwrap(),
        );
    }
}
