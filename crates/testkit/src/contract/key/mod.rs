//! The contract of the repository of sealed keys.

pub(super) mod repository;
