//! Password attempts and known networks.

pub(super) mod networks;
pub(super) mod records;
