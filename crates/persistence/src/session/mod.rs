//! Sessions and revocations: tables `sessions` and `revocations`.

pub(crate) mod revocations;
mod rotation;
pub(crate) mod sessions;
