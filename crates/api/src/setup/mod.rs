//! Creation of the first administrator.

pub(crate) mod handlers;
mod wire;
