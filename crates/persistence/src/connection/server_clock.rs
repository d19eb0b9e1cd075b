//! An estimate of the clock of a PostgreSQL server.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::data_types::PgTimestamp;

diesel::define_sql_function! {
    /// The time of the server at the moment of the call, also within a statement that waits.
    fn clock_timestamp() -> diesel::sql_types::Timestamptz;
}

/// Estimates the server's clock from the latest time that a statement returned.
///
/// A server that was suspended runs a statement that it had received before, although its client has given up. Such a
/// statement compares the server's clock with a bound that was set when it was sent.
#[derive(Debug, Default)]
pub(crate) struct ServerClock {
    latest: Mutex<Option<(Instant, i64)>>,
}

impl ServerClock {
    /// Records the server's time in a response that has just been received.
    pub(crate) fn observe(&self, time: PgTimestamp) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some((now(), time.0));
    }

    /// The server's time after `wait` from now, in microseconds since 2000. `None` if its clock was never observed. At most
    /// earlier than that by the duration of a response.
    pub(crate) fn after(&self, wait: Duration) -> Option<i64> {
        let (observed, time) = (*self.latest.lock().unwrap_or_else(PoisonError::into_inner))?;
        let later = now().saturating_duration_since(observed) + wait;
        Some(time.saturating_add(i64::try_from(later.as_micros()).unwrap_or(i64::MAX)))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures a duration; the time is that of the server"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_follows_the_latest_observation() {
        let clock = ServerClock::default();
        assert_eq!(clock.after(Duration::ZERO), None);
        for observed in [5_000_000, 1_000_000] {
            clock.observe(PgTimestamp(observed));
            let estimate = clock.after(Duration::from_secs(3)).unwrap();
            assert!((observed + 3_000_000..observed + 60_000_000).contains(&estimate));
        }
    }
}
