//! The audit log.

mod events;
