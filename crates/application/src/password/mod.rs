//! Password changes.

pub(crate) mod change_password;
pub(crate) mod check_pepper;
