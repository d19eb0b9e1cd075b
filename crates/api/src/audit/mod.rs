//! The audit log.

pub(crate) mod handlers;
mod wire;
