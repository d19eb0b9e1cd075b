use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use doorward_domain::context::RequestContext;
use doorward_domain::session::Session;
use doorward_domain::time::Timestamp;

use crate::client_address::{ClientKey, client_key};
use crate::problem::{Code, Problem};

/// Where a request comes from. The outermost middleware makes it; everything that is decided or remembered about the
/// client is read here.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// Names the request.
    pub(crate) request_id: String,
    /// The client's address.
    pub(crate) ip: Option<IpAddr>,
    /// What the client calls itself.
    user_agent: Option<String>,
}

impl Origin {
    pub(crate) fn new(request_id: String, ip: Option<IpAddr>, headers: &HeaderMap) -> Self {
        Self {
            request_id,
            ip,
            user_agent: headers
                .get(header::USER_AGENT)
                .map(|value| printable(value.as_bytes())),
        }
    }

    /// What everything that this client asks for is counted under.
    pub(crate) fn client(&self) -> ClientKey {
        self.ip.map(client_key)
    }

    /// This origin at an instant.
    pub(crate) fn context(self, now: Timestamp) -> RequestContext {
        RequestContext {
            now,
            request_id: self.request_id,
            ip: self.ip,
            user_agent: self.user_agent,
        }
    }
}

/// The text a client calls itself, of bounded length and with nothing in it that could break a line or paint one.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .filter(|c| !c.is_control() && !is_directing(*c))
        .take(Session::MAX_USER_AGENT)
        .collect()
}

/// Line and paragraph separators, and what changes the order in which a line is read (Unicode, UAX #9).
const fn is_directing(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl FromRequest for Origin {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        // Every request passes the middleware that puts it there.
        ready(
            request
                .extensions()
                .get::<Self>()
                .cloned()
                .ok_or_else(|| Problem::new(Code::Internal)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_bounded_and_harmless() {
        assert_eq!(printable(b"curl/8\x1b[31m\r\n\x00"), "curl/8[31m");
        assert_eq!(printable(&[b'a'; 1000]).len(), Session::MAX_USER_AGENT);
        assert_eq!(printable(b"\xff"), "\u{fffd}");
        assert_eq!(printable("a\u{202e}b\u{2028}c\u{2066}d".as_bytes()), "abcd");
    }
}
