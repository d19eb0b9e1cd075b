//! The audit log.

mod actions;
mod log;
mod reader;
