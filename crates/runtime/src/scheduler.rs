//! Runs periodic tasks, each on a thread of its own: one that hangs stops no other.
//!
//! Every instance runs every task, so a task must be safe to run on any number of instances at once. What is to be done once
//! by all of them is a job that a task queues for each interval: see `ScheduleNext` in `doorward-application`.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use doorward_domain::entropy::Entropy;

use crate::jitter::shortened;

/// A task that runs periodically.
pub struct PeriodicTask {
    /// Its name, in the log and of its thread.
    pub name: &'static str,
    /// The longest time between two runs. Each wait is shortened a little, at random.
    pub every: Duration,
    /// Runs the task once.
    pub run: Box<dyn FnMut() -> Result<(), String> + Send>,
}

/// Runs periodic tasks until it is dropped.
pub struct Scheduler {
    stopped: Arc<Stopped>,
}

#[derive(Default)]
struct Stopped {
    is_stopped: Mutex<bool>,
    wake: Condvar,
}

impl Scheduler {
    /// Starts the threads. Each task runs for the first time when its interval has passed.
    pub fn start(tasks: Vec<PeriodicTask>, entropy: &Arc<dyn Entropy>) -> io::Result<Self> {
        let scheduler = Self {
            stopped: Arc::default(),
        };
        for mut task in tasks {
            let (stopped, entropy) = (Arc::clone(&scheduler.stopped), Arc::clone(entropy));
            thread::Builder::new().name(task.name.to_owned()).spawn(move || {
                let mut is_failing = false;
                // The duration of a run delays the next one, which is not made up for.
                while !stopped.after(shortened(task.every, &*entropy)) {
                    is_failing = task.run_and_log(is_failing);
                }
            })?;
        }
        Ok(scheduler)
    }
}

impl Drop for Scheduler {
    /// Starts no other run. Does not wait for a running one: it may be waiting for a database that is unavailable, and every
    /// task can be interrupted without losing anything.
    fn drop(&mut self) {
        *self
            .stopped
            .is_stopped
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.stopped.wake.notify_all();
    }
}

impl Stopped {
    /// Waits, and returns whether the scheduler was stopped meanwhile.
    fn after(&self, wait: Duration) -> bool {
        let guard = self.is_stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let (guard, _) = self
            .wake
            .wait_timeout_while(guard, wait, |is_stopped| !*is_stopped)
            .unwrap_or_else(PoisonError::into_inner);
        *guard
    }
}

impl PeriodicTask {
    /// Runs the task. Logs the first of several failures, and the success after them. Returns whether it failed.
    fn run_and_log(&mut self, was_failing: bool) -> bool {
        let task = self.name;
        // The panic hook has logged a panic; later runs go on.
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.run)()));
        match outcome.unwrap_or_else(|_| Err("it panicked".to_owned())) {
            Ok(()) => {
                if was_failing {
                    tracing::info!(task, "periodic task succeeded again");
                }
                false
            }
            Err(cause) => {
                if !was_failing {
                    tracing::error!(task, cause, "periodic task failed, will retry");
                }
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use doorward_testkit::SeededEntropy;

    use super::*;

    fn start(tasks: Vec<PeriodicTask>) -> Scheduler {
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(1));
        Scheduler::start(tasks, &entropy).unwrap()
    }

    #[test]
    fn tasks_run_periodically_and_a_failing_task_stops_no_other() {
        let (done, runs) = mpsc::channel();
        let task = |name: &'static str, millis| {
            let done = done.clone();
            let run = move || {
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
                run: Box::new(run),
            }
        };
        let scheduler = start(vec![task("bad", 5), task("good", 20)]);
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
    fn a_task_that_hangs_stops_no_other() {
        let (release, hang) = mpsc::channel::<()>();
        let (done, runs) = mpsc::channel();
        let hanging = PeriodicTask {
            name: "hanging",
            every: Duration::from_millis(1),
            run: Box::new(move || hang.recv().map_err(|error| error.to_string())),
        };
        let good = PeriodicTask {
            name: "good",
            every: Duration::from_millis(5),
            run: Box::new(move || done.send(()).map_err(|error| error.to_string())),
        };
        let scheduler = start(vec![hanging, good]);
        assert_eq!(runs.iter().take(10).count(), 10);
        drop(scheduler);
        drop(release);
    }
    #[test]
    fn stopping_does_not_wait_for_the_next_run() {
        let run = Box::new(|| Ok(()));
        drop(start(vec![PeriodicTask {
            name: "rare",
            every: Duration::from_secs(3600),
            run,
        }]));
    }
}
