//! Health, metrics, proxy checks and documentation.

pub(crate) mod docs;
pub(crate) mod health;
mod html;
pub(crate) mod index;
pub(crate) mod metrics;
pub(crate) mod problems;
pub(crate) mod proxy_checks;
mod wire;
