//! The contract of the audit log.

pub(super) mod events;
pub(super) mod pages;
pub(super) mod round_trips;
