use core::net::{IpAddr, Ipv4Addr};
use core::sync::atomic::{AtomicI64, Ordering};
use core::time::Duration;

use doorward_domain::context::RequestContext;
use doorward_domain::time::Timestamp;

use crate::sample;

/// A clock that a test sets. Its time does not pass by itself. It can be shared by threads.
#[derive(Debug)]
pub struct Clock(AtomicI64);

impl Clock {
    /// A clock set to `now`.
    pub const fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_micros()))
    }

    /// The current time of the clock.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }

    /// Advances the clock, and returns its new time.
    pub fn advance(&self, span: Duration) -> Timestamp {
        let now = self.now() + span;
        self.set(now);
        now
    }

    /// Sets the clock, forwards or backwards.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_micros(), Ordering::SeqCst);
    }
}

impl Default for Clock {
    /// A clock set to [`sample::START`].
    fn default() -> Self {
        Self::at(sample::START)
    }
}

/// A request at `now` from an ordinary client. A test overrides single fields with the struct update syntax:
///
/// ```
/// use doorward_domain::context::RequestContext;
/// use doorward_testkit::{Clock, context};
///
/// let clock = Clock::default();
/// let from_elsewhere = RequestContext { ip: "2001:db8::7".parse().ok(), ..context(clock.now()) };
/// assert_eq!(from_elsewhere.now, clock.now());
/// ```
pub fn context(now: Timestamp) -> RequestContext {
    RequestContext {
        now,
        request_id: sample::request_id(1),
        ip: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
        user_agent: Some("testkit/1.0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_changes_only_when_it_is_advanced_or_set() {
        let clock = Clock::at(Timestamp::from_unix_seconds(100));
        assert_eq!(clock.now(), Timestamp::from_unix_seconds(100));
        assert_eq!(
            clock.advance(Duration::from_secs(5)),
            Timestamp::from_unix_seconds(105)
        );
        clock.set(Timestamp::from_unix_seconds(50));
        assert_eq!(clock.now(), Timestamp::from_unix_seconds(50));
    }
}
