//! A first-in, first-out lock that orders SQLite's writing transactions within one process.
//!
//! SQLite allows one writing transaction at a time, and makes others wait by sleeping and trying again. Under load a
//! newcomer may win over a transaction that waits, a sleeper wakes up long after the lock became free, and every waiting
//! transaction holds a connection. Threads of one process therefore queue here, before they take a connection. Only other
//! processes (a command run beside a server) are left to SQLite's own waiting.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// One thread at a time holds the permit to write.
#[derive(Default)]
pub(crate) struct WriteQueue {
    state: Mutex<QueueState>,
}

#[derive(Default)]
struct QueueState {
    held: bool,
    queue: VecDeque<Arc<Waiter>>,
}

#[derive(Default)]
struct Waiter {
    /// Whether the permit was passed to this waiter. Written while the queue's state is locked.
    granted: Mutex<bool>,
    wake: Condvar,
}

/// Permission to write. When dropped, it passes to the first waiter.
pub(crate) struct WritePermit<'q>(&'q WriteQueue);

impl WriteQueue {
    /// Waits for the permit; `None` after `timeout`.
    pub(crate) fn acquire(&self, timeout: Duration) -> Option<WritePermit<'_>> {
        let waiter = {
            let mut state = self.state();
            if !state.held {
                state.held = true;
                return Some(WritePermit(self));
            }
            let waiter = Arc::new(Waiter::default());
            state.queue.push_back(Arc::clone(&waiter));
            waiter
        };
        let granted = waiter.granted.lock().unwrap_or_else(PoisonError::into_inner);
        let (granted, _) = waiter
            .wake
            .wait_timeout_while(granted, timeout, |granted| !*granted)
            .unwrap_or_else(PoisonError::into_inner);
        if *granted {
            return Some(WritePermit(self));
        }
        drop(granted);
        let mut state = self.state();
        let waiting = state.queue.len();
        state.queue.retain(|other| !Arc::ptr_eq(other, &waiter));
        if state.queue.len() < waiting {
            return None;
        }
        // Not in the queue any more: the permit was granted at the last moment.
        Some(WritePermit(self))
    }

    fn release(&self) {
        let mut state = self.state();
        match state.queue.pop_front() {
            Some(next) => {
                *next.granted.lock().unwrap_or_else(PoisonError::into_inner) = true;
                next.wake.notify_one();
            }
            None => state.held = false,
        }
    }

    /// No code panics while it holds the lock with a partial change, so a poisoned state is still consistent.
    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WritePermit<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn waiting(queue: &WriteQueue) -> usize {
        queue.state().queue.len()
    }

    #[test]
    fn permits_are_granted_in_the_order_of_requests() {
        let queue = WriteQueue::default();
        let acquired = Mutex::new(Vec::new());
        thread::scope(|scope| {
            let first = queue.acquire(LONG);
            for number in 0..8 {
                let (queue, acquired) = (&queue, &acquired);
                scope.spawn(move || {
                    let _permit = queue.acquire(LONG).unwrap();
                    acquired.lock().unwrap().push(number);
                });
                while waiting(queue) <= number {
                    thread::yield_now();
                }
            }
            drop(first);
        });
        assert_eq!(*acquired.lock().unwrap(), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(!queue.state().held);
    }

    #[test]
    fn one_thread_at_a_time_holds_the_permit_even_when_others_time_out() {
        let queue = WriteQueue::default();
        let (holders, timed_out) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for number in 0..16_u64 {
                let (queue, holders, timed_out) = (&queue, &holders, &timed_out);
                scope.spawn(move || {
                    for _ in 0..200 {
                        match queue.acquire(Duration::from_micros(number * 20)) {
                            Some(_permit) => {
                                assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                                thread::yield_now();
                                holders.fetch_sub(1, Ordering::SeqCst);
                            }
                            None => drop(timed_out.fetch_add(1, Ordering::SeqCst)),
                        }
                    }
                });
            }
        });
        assert_eq!(waiting(&queue), 0);
        assert!(!queue.state().held);
        assert!(queue.acquire(Duration::ZERO).is_some());
    }

    #[test]
    fn a_panic_releases_the_permit() {
        let queue = WriteQueue::default();
        thread::scope(|scope| {
            let panicked = scope.spawn(|| {
                let _permit = queue.acquire(LONG);
                panic!("while holding the permit");
            });
            assert!(panicked.join().is_err());
        });
        assert!(queue.acquire(Duration::ZERO).is_some());
    }
}
