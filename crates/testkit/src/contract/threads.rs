use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Barrier;
use std::thread;

use doorward_domain::store::Repositories;
use doorward_domain::store_error::StoreResult;

use super::StoreUnderTest;

/// The most threads that a case uses at once.
pub(super) const RACERS: usize = 8;

/// Long enough for other threads to get into the way, short enough to be repeated.
pub(super) const MOMENT: Duration = Duration::from_millis(2);

/// Runs `racer` on `racers` threads that set off together. Answers what each came back with, in their order.
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
            .map(|thread| thread.join().expect("a racer that arrives"))
            .collect()
    })
}

/// Runs `work` on another thread while this one is in the middle of something.
pub(super) fn elsewhere<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join()).expect("another thread that arrives")
}

/// Asserts that `lock` keeps others out until the transaction ends: of many transactions that take it and dwell, no two
/// are ever inside at once.
pub(super) fn assert_exclusive(
    store: &dyn StoreUnderTest,
    lock: impl Fn(&mut dyn Repositories) -> StoreResult<()> + Sync,
) {
    let inside = AtomicUsize::new(0);
    let overlaps = AtomicUsize::new(0);
    race(RACERS, |_| {
        for _ in 0..3 {
            store.write(|r| {
                lock(r)?;
                // Left before the transaction ends, so the lock is certainly held for as long as somebody is inside.
                overlaps.fetch_add(inside.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
                thread::sleep(MOMENT);
                inside.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            });
        }
    });
    assert_eq!(overlaps.into_inner(), 0, "transactions that were inside together");
}
