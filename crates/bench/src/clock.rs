//! Time and randomness.
#![expect(
    clippy::disallowed_methods,
    reason = "this module provides time and randomness to the others"
)]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use doorward_domain::entropy::Entropy;
use doorward_domain::time::Timestamp;

/// A running stopwatch.
#[derive(Clone, Copy)]
pub(crate) struct Watch(Instant);

impl Watch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// Time since the start, in nanoseconds.
    pub(crate) fn nanos(self) -> u64 {
        u64::try_from(self.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Today, as `YYYY-MM-DD` in UTC.
pub(crate) fn today() -> String {
    let text = jiff::Timestamp::now().to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

pub(crate) struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(clippy::expect_used, reason = "a program without randomness must not go on")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}
