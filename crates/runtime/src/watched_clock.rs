//! The wall clock, compared with the monotonic one at every reading.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use doorward_application::Clock;
use doorward_domain::clock::{ClockReading, ClockWatch};

/// Reads the wall clock, and whether it tells how old something is.
pub struct WatchedClock {
    clock: Clock,
    /// The time on the monotonic clock, since this one is watched.
    elapsed: Box<dyn Fn() -> Duration + Send + Sync>,
    watch: Mutex<ClockWatch>,
}

impl WatchedClock {
    /// Begins to watch this clock.
    pub fn new(clock: Clock) -> Self {
        let started = monotonic();
        Self::beside(clock, move || monotonic().saturating_duration_since(started))
    }

    /// Begins to watch this clock, beside another monotonic clock.
    pub(crate) fn beside(clock: Clock, elapsed: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        let watch = Mutex::new(ClockWatch::start(clock(), elapsed()));
        Self {
            clock,
            elapsed: Box::new(elapsed),
            watch,
        }
    }

    /// The time now.
    pub fn read(&self) -> ClockReading {
        // Read under the lock, so that readings are observed in order. Nothing panics while it is held.
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = (self.elapsed)();
        watch.observe((self.clock)(), elapsed)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the monotonic clock, which cannot be set, shows that the wall clock was set"
)]
fn monotonic() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use doorward_testkit::sample::START;

    use super::*;

    #[test]
    fn a_clock_that_is_set_is_not_relied_on() {
        let wall = Arc::new(doorward_testkit::Clock::at(START));
        let clock = {
            let wall = Arc::clone(&wall);
            WatchedClock::new(Arc::new(move || wall.now()))
        };
        assert!(clock.read().tells_age());
        let ahead = wall.advance(Duration::from_hours(24));
        assert_eq!(clock.read().now, ahead);
        assert!(!clock.read().tells_age());
        wall.set(START);
        assert!(!clock.read().tells_age());
    }
}
