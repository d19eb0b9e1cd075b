//! The contract of the pepper repository.

pub(super) mod pepper;
