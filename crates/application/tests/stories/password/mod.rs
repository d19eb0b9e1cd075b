//! Passwords.

mod change;
mod pepper;
