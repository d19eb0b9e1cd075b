//! Accounts.

mod administration;
mod command_line;
mod own_account;
mod registration;
