//! Revocations, for services that verify access tokens.

pub(crate) mod handlers;
mod wire;
