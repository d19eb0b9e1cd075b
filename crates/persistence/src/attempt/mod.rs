//! Password attempts and known networks: tables `attempts` and `known_networks`.

pub(crate) mod attempts;
pub(crate) mod networks;
