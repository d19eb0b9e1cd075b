//! Helpers that run work on several threads at once.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Barrier;
use std::thread;

use doorward_domain::store::Repositories;
use doorward_domain::store_error::StoreResult;

use crate::contract::StoreUnderTest;

/// The most threads that a case uses at once.
pub(crate) const THREADS: usize = 8;

/// Long enough for other threads to interfere, short enough to be repeated.
pub(crate) const MOMENT: Duration = Duration::from_millis(2);

/// Runs `racer` on `racers` threads that start together. Returns their results in order.
pub(crate) fn race<T: Send>(racers: usize, racer: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(racers);
    let run = |number| {
        start.wait();
        racer(number)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..racers)
            .map(|number| scope.spawn(move || run(number)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a thread that does not panic"))
            .collect()
    })
}

/// Runs `work` on another thread, and waits for it.
pub(crate) fn on_another_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join()).expect("another thread that does not panic")
}

/// Asserts that `lock` is exclusive until the transaction ends: of several transactions that take it and sleep, no two
/// are ever inside at once.
pub(crate) fn assert_exclusive(
    store: &dyn StoreUnderTest,
    lock: impl Fn(&mut dyn Repositories) -> StoreResult<()> + Sync,
) {
    let inside = AtomicUsize::new(0);
    let overlaps = AtomicUsize::new(0);
    race(THREADS, |_| {
        for _ in 0..3 {
            store.write(|r| {
                lock(r)?;
                // Decremented before the transaction ends, so that the lock is held while the counter is positive.
                overlaps.fetch_add(inside.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
                thread::sleep(MOMENT);
                inside.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            });
        }
    });
    assert_eq!(overlaps.into_inner(), 0, "transactions that were inside together");
}
