//! The id, the client address and the origin of a request.

mod client_address;
mod forwarded;
mod origin;
mod request_ids;

pub(crate) use client_address::ClientAddresses;
pub use client_address::{ForwardingHeader, ProxySettings};
pub use origin::Request;
pub(crate) use request_ids::RequestIds;
