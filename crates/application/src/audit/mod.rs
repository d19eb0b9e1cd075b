//! The audit log: reading it, and summing up what was refused.

pub(crate) mod list_events;
pub(crate) mod record_refusals;
