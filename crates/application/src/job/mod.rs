//! Periodic work.

pub(crate) mod delete_expired;
