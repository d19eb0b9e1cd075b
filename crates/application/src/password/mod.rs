//! Changing a password.

pub(crate) mod change_password;
