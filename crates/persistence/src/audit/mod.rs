//! The audit log: table `events`.

mod events;
