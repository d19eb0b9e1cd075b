//! The public keys.

pub(crate) mod handlers;
