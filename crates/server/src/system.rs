//! The ambient things that the domain is handed: time and randomness. Nowhere else are they asked for.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use doorward_domain::entropy::Entropy;
use doorward_domain::time::Timestamp;
use doorward_runtime::Clock;

/// The operating system's randomness.
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is where randomness comes in")]
    #[expect(clippy::expect_used, reason = "a program without randomness must not go on")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}

/// The present, in UTC. A clock set before 1970 is taken for 1970.
pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes in")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// The system's clock.
pub fn clock() -> Clock {
    Arc::new(now)
}
