//! Attempts at a password: counting them, verifying them, and forgiving them.

pub(crate) mod budget;
pub(crate) mod password_check;
pub(crate) mod unlock_user;
