//! Sessions and their tokens.

pub(crate) mod handlers;
mod wire;
