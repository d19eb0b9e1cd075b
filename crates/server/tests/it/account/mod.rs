//! Accounts.

mod administration;
mod own_account;
mod registration;
