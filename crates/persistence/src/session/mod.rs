//! Sessions and revocations: tables `sessions` and `revocations`.

pub(crate) mod revocations;
mod rotation;
mod sessions;
