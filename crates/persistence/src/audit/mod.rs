//! The audit log: table `events`.

pub(crate) mod events;
