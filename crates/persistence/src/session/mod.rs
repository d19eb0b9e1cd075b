//! Sessions and revocations: tables `sessions` and `revocations`.

mod revocations;
mod rotation;
mod sessions;
