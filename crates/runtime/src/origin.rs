//! The origin of a request.

use std::net::IpAddr;

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
}

impl RequestOrigin {
    /// Creates an origin. The user agent is truncated to [`Session::MAX_USER_AGENT`] characters, without those that break a
    /// line or change its direction.
    pub fn new(request_id: RequestId, ip: Option<IpAddr>, user_agent: Option<&[u8]>) -> Self {
        Self {
            request_id,
            ip,
            user_agent: user_agent.map(printable),
        }
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
    fn a_user_agent_is_truncated_and_has_no_control_characters() {
        assert_eq!(printable(b"curl/8\x1b[31m\r\n\x00"), "curl/8[31m");
        assert_eq!(printable(&[b'a'; 1000]).len(), Session::MAX_USER_AGENT);
        assert_eq!(printable(b"\xff"), "\u{fffd}");
        assert_eq!(printable("a\u{202e}b\u{2028}c\u{2066}d".as_bytes()), "abcd");
    }
}
