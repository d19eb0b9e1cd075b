//! The audit log: reading it, and recording what the throttle rejected.

pub(crate) mod list_events;
pub(crate) mod record_refusals;
