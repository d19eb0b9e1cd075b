//! Tests of the store on real databases.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a helper fails the test"
)]

mod contract;
mod cost_app;
mod cost_table;
mod costs;
mod encoding;
mod failed_transactions;
mod fake_postgres;
mod histories;
mod late_pooler;
mod migrations;
mod outages;
mod query_plans;
mod revocations;
mod single_statements;
mod sqlite;
mod statement_log;
mod support;
mod upgrade;
