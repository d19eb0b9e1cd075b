//! The first administrator.

pub(crate) mod handlers;
mod wire;
