//! Health, metrics, proxy checks and documentation.

pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod problems;
pub(crate) mod proxy_checks;
mod wire;
