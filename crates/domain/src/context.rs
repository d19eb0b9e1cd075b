//! What every use case is told besides its input.

use core::net::IpAddr;

use crate::id::RequestId;
use crate::time::Timestamp;

/// Where a request came from and when it is judged: what every use case is told besides its input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestContext {
    /// The instant at which the request is judged.
    pub now: Timestamp,
    /// Names the request in answers, log lines and events.
    pub request_id: RequestId,
    /// The client's address, if it has one.
    pub ip: Option<IpAddr>,
    /// What the client calls itself, cut to a bounded length and free of control characters.
    pub user_agent: Option<String>,
}
