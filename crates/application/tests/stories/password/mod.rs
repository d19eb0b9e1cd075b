//! Passwords.

mod change;
