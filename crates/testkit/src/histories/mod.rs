//! Generated histories of an account and its sessions, lived through on a store and compared, step by step, with a small
//! reference.
//!
//! The contract of a store tries its rules one at a time. Here the use cases of the domain run on it: logins, refreshes
//! with current and old tokens, retries, logouts, password changes, disabling, changes of roles, and time passing. After
//! every step each session must be as the reference has it, and each access token as true.

mod door;
mod life;
mod reference;
mod steps;
mod together;

use core::fmt::Debug;
use core::sync::atomic::{AtomicU32, Ordering};

use doorward_domain::account::Role;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::contract::StoreUnderTest;

use self::door::Door;
use self::life::Life;

/// Lives through so many histories on a store, each of at most so many steps, with an account each.
pub fn check(store: &dyn StoreUnderTest, histories: u32, longest: usize) {
    let door = Door::on(store.store());
    for_each(histories, &steps::a_history(longest), |number, history| {
        let mut life = Life::of(&door, number);
        for step in &history {
            life.take(step)?;
        }
        life.end(&store.events())
    });
}

/// Lets two clients of one session go at it at once, so many times.
pub fn check_together(store: &dyn StoreUnderTest, histories: u32) {
    let door = Door::on(store.store());
    for_each(histories, &steps::a_race(), |number, race| {
        together::live(&door, number, &race)
    });
}

/// Runs a test on so many generated values, numbered, and panics with the smallest that fails.
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

/// The role that comes and goes.
fn has_billing(roles: &doorward_domain::account::Roles) -> bool {
    roles.iter().map(Role::as_str).any(|role| role == "billing")
}
