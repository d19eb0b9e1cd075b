//! The contract of the outbox.

pub(crate) mod outbox;
