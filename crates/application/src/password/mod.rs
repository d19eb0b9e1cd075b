//! Password changes.

pub(crate) mod change_password;
