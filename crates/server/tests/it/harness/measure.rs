//! What measuring tests need: a stopwatch, reproducible random numbers, percentiles, and output past the test harness.

use std::fs;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Microseconds on a [`Stopwatch`].
pub type Micros = u64;

/// A monotonic clock.
#[derive(Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test that measures delays reads a clock"
    )]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test that measures delays reads a clock"
    )]
    pub fn read(self) -> Micros {
        u64::try_from(self.0.elapsed().as_micros()).unwrap()
    }
}

/// A small random number generator (`SplitMix64`), reproducible from its seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number less than `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap();
        usize::try_from(self.draw() % bound).unwrap()
    }

    /// A random element.
    pub fn one_of<'t, T>(&mut self, things: &'t [T]) -> &'t T {
        &things[self.below(things.len())]
    }

    /// A seed for another generator.
    pub fn seed(&mut self) -> u64 {
        self.draw()
    }
}

/// Writes a line to standard error, past the capture of the test harness.
pub fn print_uncaptured(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The smallest value that at least `percent` of a hundred values do not exceed.
pub fn percentile(values: &[Micros], percent: usize) -> Micros {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() - 1) * percent / 100]
}

/// Formats microseconds as milliseconds.
pub fn milliseconds(micros: Micros) -> String {
    format!("{}.{} ms", micros / 1000, micros % 1000 / 100)
}

/// The memory of a process in KiB, on systems with `/proc`: the current size (`VmRSS`) or the peak (`VmHWM`).
pub fn memory(process: u32, what: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(what))?;
    line.strip_prefix(':')?.trim().strip_suffix(" kB")?.parse().ok()
}

/// Sets a flag when it is dropped, also by a panic.
pub struct SetOnDrop<'o>(pub &'o AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
