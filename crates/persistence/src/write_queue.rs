//! A lock that is passed on in the order of asking.
//!
//! SQLite lets one transaction write at a time, and makes the others wait by sleeping and trying again: under load each
//! try may lose to a newcomer, a sleeper wakes too late for a lock that was free for long, and every waiter holds a
//! connection meanwhile. Threads of one process therefore queue here, before they take a connection, and only another
//! process (the command line beside a server) is left to SQLite's own way of waiting.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The gate. One thread at a time is inside.
#[derive(Default)]
pub(crate) struct WriteQueue {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    occupied: bool,
    queue: VecDeque<Arc<Waiter>>,
}

#[derive(Default)]
struct Waiter {
    /// Written under the lock of the gate's state.
    called: Mutex<bool>,
    bell: Condvar,
}

/// Being inside. Leaves when dropped, and lets the next in.
pub(crate) struct Turn<'g>(&'g WriteQueue);

impl WriteQueue {
    /// Waits for its turn, at most as long as `patience`.
    pub(crate) fn enter(&self, patience: Duration) -> Option<Turn<'_>> {
        let waiter = {
            let mut state = self.state();
            if !state.occupied {
                state.occupied = true;
                return Some(Turn(self));
            }
            let waiter = Arc::new(Waiter::default());
            state.queue.push_back(Arc::clone(&waiter));
            waiter
        };
        let called = waiter.called.lock().unwrap_or_else(PoisonError::into_inner);
        let (called, _) = waiter
            .bell
            .wait_timeout_while(called, patience, |called| !*called)
            .unwrap_or_else(PoisonError::into_inner);
        if *called {
            return Some(Turn(self));
        }
        drop(called);
        let mut state = self.state();
        let waiting = state.queue.len();
        state.queue.retain(|other| !Arc::ptr_eq(other, &waiter));
        if state.queue.len() < waiting {
            return None;
        }
        // It was no longer in the queue, but called at the last moment: it is inside.
        Some(Turn(self))
    }

    fn leave(&self) {
        let mut state = self.state();
        match state.queue.pop_front() {
            Some(next) => {
                *next.called.lock().unwrap_or_else(PoisonError::into_inner) = true;
                next.bell.notify_one();
            }
            None => state.occupied = false,
        }
    }

    /// Nothing in here can panic half-way, so the state of a poisoned lock is as good as any.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn waiting(gate: &WriteQueue) -> usize {
        gate.state().queue.len()
    }

    #[test]
    fn threads_enter_in_the_order_of_asking() {
        let gate = WriteQueue::default();
        let entered = Mutex::new(Vec::new());
        thread::scope(|scope| {
            let first = gate.enter(LONG);
            for number in 0..8 {
                let (gate, entered) = (&gate, &entered);
                scope.spawn(move || {
                    let _turn = gate.enter(LONG).unwrap();
                    entered.lock().unwrap().push(number);
                });
                while waiting(gate) <= number {
                    thread::yield_now();
                }
            }
            drop(first);
        });
        assert_eq!(*entered.lock().unwrap(), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(!gate.state().occupied);
    }

    #[test]
    fn one_thread_at_a_time_is_inside_whoever_gives_up() {
        let gate = WriteQueue::default();
        let (inside, gave_up) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for number in 0..16_u64 {
                let (gate, inside, gave_up) = (&gate, &inside, &gave_up);
                scope.spawn(move || {
                    for _ in 0..200 {
                        match gate.enter(Duration::from_micros(number * 20)) {
                            Some(_turn) => {
                                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                                thread::yield_now();
                                inside.fetch_sub(1, Ordering::SeqCst);
                            }
                            None => drop(gave_up.fetch_add(1, Ordering::SeqCst)),
                        }
                    }
                });
            }
        });
        assert_eq!(waiting(&gate), 0);
        assert!(!gate.state().occupied);
        assert!(gate.enter(Duration::ZERO).is_some());
    }

    #[test]
    fn a_turn_ends_with_a_panic_too() {
        let gate = WriteQueue::default();
        thread::scope(|scope| {
            let panicked = scope.spawn(|| {
                let _turn = gate.enter(LONG);
                panic!("inside the gate");
            });
            assert!(panicked.join().is_err());
        });
        assert!(gate.enter(Duration::ZERO).is_some());
    }
}
