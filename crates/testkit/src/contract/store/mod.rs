//! Transactions, locks, races and retention.

pub(super) mod locks;
pub(super) mod races;
pub(super) mod retention;
pub(crate) mod threads;
pub(super) mod transactions;
