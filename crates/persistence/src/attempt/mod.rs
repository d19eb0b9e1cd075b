//! Password attempts and known networks: tables `attempts` and `known_networks`.

mod attempts;
mod networks;
