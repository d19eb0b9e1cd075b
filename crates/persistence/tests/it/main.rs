//! The store on real databases.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "the helpers of these tests fail as the tests do"
)]

mod contract;
mod costs;
mod desk;
mod failures;
mod histories;
mod migrations;
mod outages;
mod sqlite;
mod statements;
mod support;
