//! Doing things at once.

use std::sync::Barrier;
use std::thread;

/// Runs `racer` on so many threads that set off together. Answers what each came back with, in their order.
pub fn at_once<T: Send>(racers: usize, racer: impl Fn(usize) -> T + Sync) -> Vec<T> {
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
