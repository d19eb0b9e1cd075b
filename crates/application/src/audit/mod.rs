//! The audit log: reading it, and recording what is too frequent for an entry each.

pub(crate) mod list_events;
pub(crate) mod record_summaries;
