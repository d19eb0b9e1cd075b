//! What services that verify access tokens need to know.

pub(crate) mod handlers;
mod wire;
