//! Generated histories of accounts and sessions, performed on a store and compared, step by step, with a small
//! reference.
//!
//! The contract of a store tests one rule at a time. Here the use cases run on it: logins, refreshes with current and
//! old tokens, retries, logouts, password changes, disabling, changes of roles, and passing time. After every step each
//! session must be in the state of the reference, and each access token as valid.

mod account;
mod concurrent;
mod history_app;
mod jobs;
mod reference;
mod steps;

use core::fmt::Debug;
use core::sync::atomic::{AtomicU32, Ordering};

use doorward_domain::account::Role;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::contract::StoreUnderTest;

use self::account::AccountUnderTest;
use self::history_app::HistoryApp;

/// Performs this many histories on a store, each of at most `longest` steps and with an account of its own.
pub fn check(store: &dyn StoreUnderTest, histories: u32, longest: usize) {
    let app = HistoryApp::over(store.store());
    for_each(histories, &steps::history(longest), |number, history| {
        let mut account = AccountUnderTest::register(&app, number);
        for step in &history {
            account.perform(step)?;
        }
        account.end(&store.events())
    });
}

/// Runs this many races of two clients of one session.
pub fn check_concurrent(store: &dyn StoreUnderTest, histories: u32) {
    let app = HistoryApp::over(store.store());
    for_each(histories, &steps::race(), |number, race| {
        concurrent::run(&app, number, &race)
    });
}

/// Performs this many histories of jobs on a store, each of at most `longest` steps and with a kind of its own.
pub fn check_jobs(store: &dyn StoreUnderTest, histories: u32, longest: usize) {
    for_each(histories, &jobs::history(longest), |number, history| {
        jobs::run(store.store(), number, &history)
    });
}

/// Runs a test on generated values, numbered, and panics with the smallest one that fails.
fn for_each<S: Strategy>(cases: u32, values: &S, test: impl Fn(u32, S::Value) -> Result<(), TestCaseError>)
where
    S::Value: Debug,
{
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 500,
        ..Config::default()
    };
    let number = AtomicU32::new(0);
    let failure = TestRunner::new(config)
        .run(values, |value| {
            test(number.fetch_add(1, Ordering::Relaxed), value)
        })
        .err();
    assert!(
        failure.is_none(),
        "{}",
        failure.map(|failure| failure.to_string()).unwrap_or_default()
    );
}

/// Whether the roles contain the one that is granted and removed.
fn has_billing(roles: &doorward_domain::account::Roles) -> bool {
    roles.iter().map(Role::as_str).any(|role| role == "billing")
}
