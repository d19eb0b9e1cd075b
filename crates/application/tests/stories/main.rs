//! Tests of behaviour that spans several use cases: sessions that rotate and end, attempts that add up, outages.
//!
//! They run on the memory store of `doorward-testkit`, which is tested against the same contract as the databases, and
//! on fakes that can be inspected. The branches of single use cases are tested with mocks, beside the use cases.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test, where a panic is a failed test"
)]

mod account;
mod attempt;
mod audit;
mod concurrency;
mod job;
mod mail;
mod password;
mod scenarios;
mod session;
mod setup;
mod store;
mod story_app;
mod token;
