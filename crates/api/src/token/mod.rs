//! Revocations, for services that verify access tokens.

mod feed;
pub(crate) mod handlers;
mod wire;

pub(crate) use feed::RenderedFeed;
