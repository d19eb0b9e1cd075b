//! What is decided about jobs: which to run, what becomes of them, and the work of those that keep the store tidy.

pub(crate) mod claim;
pub(crate) mod delete_expired;
pub(crate) mod schedule;
pub(crate) mod settle;
