//! Sealed keys.

pub(super) mod repository;
