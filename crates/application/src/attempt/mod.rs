//! Password attempts: counting and verifying them, and unlocking accounts.

pub(crate) mod budget;
pub(crate) mod check;
pub(crate) mod protocol;
pub(crate) mod unlock_user;
pub(crate) mod verified;
