//! The contract of the setup repository.

pub(super) mod repository;
