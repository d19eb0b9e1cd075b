//! What a test that measures needs: a clock, random numbers that can be drawn again, and somewhere to say what was found.

use std::fs;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Microseconds on the test's own clock, which never goes back.
pub type Micros = u64;

/// The clock of a test, which never goes back.
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

/// Small random numbers (SplitMix64): a seed is enough to draw the same ones again.
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

    /// A number less than this.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap();
        usize::try_from(self.draw() % bound).unwrap()
    }

    /// One of these.
    pub fn one_of<'t, T>(&mut self, things: &'t [T]) -> &'t T {
        &things[self.below(things.len())]
    }

    /// Seeds for others.
    pub fn seed(&mut self) -> u64 {
        self.draw()
    }
}

/// Past the capture of the test harness: it is what the run is for.
pub fn print_uncaptured(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The value that this many of a hundred are not above.
pub fn percentile(values: &[Micros], percent: usize) -> Micros {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() - 1) * percent / 100]
}

/// Microseconds as a reader wants them.
pub fn milliseconds(micros: Micros) -> String {
    format!("{}.{} ms", micros / 1000, micros % 1000 / 100)
}

/// The memory of a process in KiB, where the system tells: what it has now (`VmRSS`), or the most it has had (`VmHWM`).
pub fn memory(process: u32, what: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(what))?;
    line.strip_prefix(':')?.trim().strip_suffix(" kB")?.parse().ok()
}

/// Says that something is over, also when it broke off.
pub struct SetOnDrop<'o>(pub &'o AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
