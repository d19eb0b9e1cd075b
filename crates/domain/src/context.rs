//! The context of a request, which every use case is given besides its input.

use core::net::IpAddr;

use crate::id::RequestId;
use crate::time::Timestamp;

/// Time, id and origin of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestContext {
    /// The current time for every decision of the request.
    pub now: Timestamp,
    /// Identifies the request in responses, log lines and audit events.
    pub request_id: RequestId,
    /// The client's IP address; `None` for commands and background tasks.
    pub ip: Option<IpAddr>,
    /// The client's user agent, truncated to a bounded length and without control characters.
    pub user_agent: Option<String>,
}
