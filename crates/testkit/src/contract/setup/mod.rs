//! Setup.

pub(super) mod repository;
