//! The contract of the repository of accounts.

pub(super) mod pages;
pub(super) mod repository;
pub(super) mod round_trips;
