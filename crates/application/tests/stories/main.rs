//! What goes on over several steps: sessions that rotate, end and stay ended, guesses that add up, outages in the middle.
//!
//! Every story runs on the memory store of `doorward-testkit`, which is held to the same contract as the databases, and
//! on fakes that can be read and counted. The branches of single use cases are tested on mocks, beside the use cases.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test, where a panic is a failed test"
)]

mod admins;
mod attempts;
mod audit;
mod deletion;
mod hashers;
mod histories;
mod model;
mod networks;
mod outages;
mod paging;
mod passwords;
mod predecessor;
mod refresh;
mod revocations;
mod sameness;
mod scenarios;
mod setup;
mod sweeping;
mod threads;
mod world;
