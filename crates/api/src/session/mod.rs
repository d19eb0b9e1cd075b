//! Sessions: login, refresh, logout, listing and ending.

pub(crate) mod handlers;
mod wire;
