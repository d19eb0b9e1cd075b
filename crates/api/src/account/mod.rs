//! Accounts: one's own, and those of others.

pub(crate) mod handlers;
pub(crate) mod users;
pub(crate) mod wire;
