//! The contracts of the repositories of password attempts and known networks.

pub(super) mod networks;
pub(super) mod records;
