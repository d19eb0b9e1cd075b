//! Middleware and limits that apply to every request and connection.

mod allowed_hosts;
mod connections;
mod envelope;
mod limits;
mod rate_limit;
mod slices;

pub(crate) use allowed_hosts::AllowedHosts;
pub use connections::ConnectionSettings;
pub(crate) use connections::{ClientStream, Connections, affordable};
pub use envelope::FinalBody;
pub(crate) use envelope::envelope;
pub(crate) use limits::{MAX_BODY, limits};
pub(crate) use rate_limit::Throttle;
pub use rate_limit::{Class, Rate, ThrottleSettings};
