//! Sessions: opening, refreshing, listing and ending them.

pub(crate) mod end_sessions;
pub(crate) mod list_sessions;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod refresh;
pub(crate) mod revoke;
pub(crate) mod token_issuer;
