//! Periodic work.

pub(crate) mod sweep;
