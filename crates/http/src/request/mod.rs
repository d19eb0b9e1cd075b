//! The client address and the origin of a request.

mod client_address;
mod forwarded;
mod origin;

pub(crate) use client_address::ClientAddresses;
pub use client_address::{ForwardingHeader, ProxySettings};
pub use origin::Request;
