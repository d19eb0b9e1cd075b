//! Public keys.

pub(crate) mod handlers;
