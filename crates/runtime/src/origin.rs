//! The origin of a request.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use doorward_domain::context::RequestContext;
use doorward_domain::id::RequestId;
use doorward_domain::session::Session;
use doorward_domain::time::Timestamp;

use crate::client_key::{ClientKey, lane_key};

/// Request id, client address and user agent. Everything that is decided or recorded about the client comes from here.
#[derive(Debug, Clone)]
pub struct RequestOrigin {
    request_id: RequestId,
    ip: Option<IpAddr>,
    user_agent: Option<String>,
    /// Until when the request waits for the store; set by its first use, and postponed while it waits for something else. Shared
    /// by all clones.
    store_deadline: Arc<Mutex<Option<Instant>>>,
}

/// What is left to every later phase of a request that has waited for too long for the store: enough for a store that is
/// available again.
const MIN_STORE_TIME: Duration = Duration::from_millis(500);

impl RequestOrigin {
    /// Creates an origin. The user agent is truncated to [`Session::MAX_USER_AGENT`] characters, without those that break a
    /// line or change its direction.
    pub fn new(request_id: RequestId, ip: Option<IpAddr>, user_agent: Option<&[u8]>) -> Self {
        Self {
            request_id,
            ip,
            user_agent: user_agent.map(printable),
            store_deadline: Arc::default(),
        }
    }

    /// How long the request may still wait for the store: all its phases together for `limit`, from the first one on.
    pub(crate) fn store_time(&self, limit: Duration) -> Duration {
        let now = now();
        let deadline = *self.store_deadline().get_or_insert(now + limit);
        deadline.saturating_duration_since(now).max(MIN_STORE_TIME)
    }

    /// Runs `work`, which does not use the store. How long it takes is not taken from the time that the request may wait for the
    /// store.
    pub(crate) async fn without_store<T>(&self, work: impl Future<Output = T>) -> T {
        let since = now();
        let result = work.await;
        if let Some(deadline) = &mut *self.store_deadline() {
            *deadline += now().saturating_duration_since(since);
        }
        result
    }

    /// Nothing panics while the lock is held, so a poisoned lock guards a consistent deadline.
    fn store_deadline(&self) -> MutexGuard<'_, Option<Instant>> {
        self.store_deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id of the request, as in the response, the log and the audit log.
    pub const fn request_id(&self) -> RequestId {
        self.request_id
    }

    /// The client's address.
    pub const fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    /// The key under which the client's jobs wait for a lane.
    pub fn lane_key(&self) -> ClientKey {
        self.ip.map(lane_key)
    }

    /// The request context for a use case that runs at `now`.
    pub fn context(self, now: Timestamp) -> RequestContext {
        RequestContext {
            now,
            request_id: self.request_id,
            ip: self.ip,
            user_agent: self.user_agent,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a wait is bounded by time as it passes, not by the clock"
)]
fn now() -> Instant {
    Instant::now()
}

/// Converts a user agent to text of bounded length without control characters.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .filter(|c| !c.is_control() && !is_formatting(*c))
        .take(Session::MAX_USER_AGENT)
        .collect()
}

/// Line and paragraph separators, and directional formatting characters (Unicode, UAX #9).
const fn is_formatting(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_phases_of_a_request_share_one_wait_for_the_store() {
        let origin = RequestOrigin::new(RequestId::from_bytes([1; 16]), None, None);
        let limit = Duration::from_secs(3);
        assert_eq!(origin.store_time(limit), limit);
        std::thread::sleep(Duration::from_millis(20));
        assert!(origin.clone().store_time(limit) < limit);
        let late = RequestOrigin::new(RequestId::from_bytes([1; 16]), None, None);
        late.store_time(Duration::ZERO);
        assert_eq!(late.store_time(limit), MIN_STORE_TIME);
    }

    #[test]
    fn a_user_agent_is_truncated_and_has_no_control_characters() {
        assert_eq!(printable(b"curl/8\x1b[31m\r\n\x00"), "curl/8[31m");
        assert_eq!(printable(&[b'a'; 1000]).len(), Session::MAX_USER_AGENT);
        assert_eq!(printable(b"\xff"), "\u{fffd}");
        assert_eq!(printable("a\u{202e}b\u{2028}c\u{2066}d".as_bytes()), "abcd");
    }
}
