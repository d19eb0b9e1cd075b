//! Test doubles of Doorward's ports, and the contract of a store as one suite of tests.
//!
//! Tests of *state* (a session that rotates, ends and stays ended) run on [`MemoryStore`], a complete store with
//! transactions that roll back. Tests of one *branch* of a use case use the mocks that `doorward-domain` provides under its
//! feature `mocks`.
//!
//! The memory store passes the same suite as the databases: [`contract`] has the cases,
//! [`store_contract!`] runs them all on one store. Under the feature `histories`, generated histories of accounts and
//! sessions are performed on any store with the use cases.
//!
//! The types here are those of `doorward-domain` as other crates see it. Unit tests *inside* the domain see a second
//! build of the domain, whose types differ, so the domain's tests with these doubles live in its `tests/` directory.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "this crate is only ever part of a test, where a panic is a failed test"
)]

mod clock;
pub mod contract;
mod entropy;
mod fakes;
mod golden;
#[cfg(feature = "histories")]
pub mod histories;
mod memory;
pub mod sample;
mod test_app;

pub use clock::{Clock, context};
pub use entropy::SeededEntropy;
pub use fakes::{
    EveryRefusal, FakeAttemptKeys, FakeEstimator, FakeHasher, FakeRefreshTokens, FakeSigner, FakeVerifier,
    NothingRevoked,
};
pub use golden::assert_golden;
pub use memory::MemoryStore;
pub use test_app::{TestApp, test_ports};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex whose contents are consistent at every instant, ignoring poisoning: a panic elsewhere (for example a failed
/// assertion inside a transaction) does not fail every later step of the test.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
