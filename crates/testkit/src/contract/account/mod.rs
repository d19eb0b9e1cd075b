//! Accounts.

pub(super) mod pages;
pub(super) mod repository;
pub(super) mod round_trips;
