//! Accounts.

mod administrators;
mod deletion;
mod listing;
