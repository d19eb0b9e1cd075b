//! Access tokens: checking them.

pub(crate) mod authenticate;
