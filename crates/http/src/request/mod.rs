//! Where a request comes from.

mod client_address;
mod origin;

pub(crate) use client_address::ClientAddresses;
pub use client_address::{ForwardingHeader, ProxySettings};
pub use origin::Request;
