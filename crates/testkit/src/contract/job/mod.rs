//! The contract of the queue of jobs.

pub(crate) mod claims;
pub(crate) mod queue;
pub(crate) mod races;
