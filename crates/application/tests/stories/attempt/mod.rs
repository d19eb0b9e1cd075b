//! Password attempts.

mod counting;
mod failed_logins;
mod networks;
mod refusals;
