//! Time and randomness of the operating system, and the mode of new files. The domain receives the first two as arguments.
//! Nothing else reads them.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use doorward_application::Clock;
use doorward_domain::entropy::Entropy;
use doorward_domain::time::Timestamp;

/// The operating system's randomness.
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads randomness")]
    #[expect(clippy::expect_used, reason = "without randomness no secret is safe")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system provides random bytes");
    }
}

/// The current time. A clock that is set before 1970 counts as 1970.
pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Makes every file that this process creates inaccessible to other users, whatever mode it is created with: those of SQLite
/// too. For the whole process.
pub fn keep_files_private() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// The system's clock.
pub fn clock() -> Clock {
    Arc::new(now)
}
