//! Attempts at a password: counting them, verifying them, and forgiving them.

pub(crate) mod budget;
pub(crate) mod check;
pub(crate) mod protocol;
pub(crate) mod unlock_user;
