//! Accounts: the caller's own, and user administration.

pub(crate) mod handlers;
pub(crate) mod users;
pub(crate) mod wire;
