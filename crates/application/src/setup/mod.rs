//! The first administrator.

pub(crate) mod complete_setup;
pub(crate) mod offer_setup;
