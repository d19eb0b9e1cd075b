//! The contract that every store must satisfy, as one suite of tests, sorted by feature.
//!
//! Each rule of the repositories of `doorward_domain` is tested by at least one case: a function of a fresh, empty store that
//! panics when the store violates the rule. [`store_contract!`](crate::store_contract) makes a `#[test]` of each.
//!
//! To run the suite on a store, implement [`StoreUnderTest`] for a type that owns the store and its resources (a
//! temporary directory, a schema of its own), and write in an integration test:
//!
//! ```
//! use doorward_testkit::{MemoryStore, store_contract};
//!
//! store_contract!(memory, Ok(MemoryStore::new()));
//! ```
//!
//! Where a store is unavailable, return `Err(NotRun(reason))`: see [`run`].
//!
//! To add a case, write it and list it in `list.rs`; the compiler reports an unlisted case as dead code.

mod account;
mod attempt;
mod audit;
mod edge_values;
mod job;
mod key;
mod list;
mod mail;
mod password;
mod session;
mod setup;
pub(crate) mod store;

use core::time::Duration;
use std::io::Write;

use doorward_domain::account::User;
use doorward_domain::audit::Event;
use doorward_domain::id::{JobId, SessionId, UserId};
use doorward_domain::job::Job;
use doorward_domain::outcome::Outcome;
use doorward_domain::session::Session;
use doorward_domain::store::{Repositories, Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use crate::{MemoryStore, sample};

/// The cases, each a rule that a store must satisfy.
pub mod cases {
    /// Makes the cases public, which also marks them as used.
    macro_rules! publish {
        ([] $($feature:ident { $($module:ident { $($case:ident)* })* })*) => {
            $($(pub use super::$feature::$module::{$($case),*};)*)*
        };
    }

    crate::__store_contract_cases!([publish] []);
}

/// The environment variable that makes an unavailable store a failure. Continuous integration sets it, so that a
/// missing database does not pass unnoticed.
const REQUIRE: &str = "DOORWARD_REQUIRE_POSTGRES";

/// A case of the contract: a function of an empty store that panics when the store violates the rule.
pub type Case = fn(&dyn StoreUnderTest);

/// A fresh, empty store and its resources, for one test.
///
/// Cases use it from up to eight threads at once, and transactions overlap: a connection pool needs at least eight
/// connections.
pub trait StoreUnderTest: Sync {
    /// The store.
    fn store(&self) -> &dyn UnitOfWork;

    /// All committed audit events, in any order.
    fn events(&self) -> Vec<Event>;
}

impl StoreUnderTest for MemoryStore {
    fn store(&self) -> &dyn UnitOfWork {
        self
    }

    fn events(&self) -> Vec<Event> {
        self.events()
    }
}

/// Why a store is unavailable, in words: no server at the configured address, for example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRun(pub String);

/// Runs one case on a fresh store. If the store is unavailable, it prints the reason to standard error, past the capture of the
/// test harness, and returns; with `DOORWARD_REQUIRE_POSTGRES` in the environment it panics instead.
pub fn run<S: StoreUnderTest>(fresh: Result<S, NotRun>, case: Case) {
    match fresh {
        Ok(store) => case(&store),
        Err(NotRun(reason)) => {
            assert!(
                std::env::var_os(REQUIRE).is_none(),
                "not run although {REQUIRE} is set: {reason}"
            );
            // A standard error that is closed must not fail the test.
            let _ = writeln!(std::io::stderr(), "not run: {reason}");
        }
    }
}

/// Helpers for the cases.
impl dyn StoreUnderTest + '_ {
    /// Runs `work` in a writing transaction, which must succeed.
    fn write<T>(&self, work: impl FnMut(&mut dyn Repositories) -> StoreResult<T>) -> T {
        self.store().transaction(work).expect("a transaction that writes")
    }

    /// Runs `work` in a reading transaction, which must succeed.
    fn read<T>(&self, work: impl FnMut(&mut dyn Repositories) -> StoreResult<T>) -> T {
        self.store().snapshot(work).expect("a transaction that reads")
    }

    /// Runs `work`, a single statement that writes, which must succeed.
    fn single_write<T>(&self, work: impl FnMut(&mut dyn Repositories) -> StoreResult<T>) -> T {
        self.store().single_write(work).expect("a statement that writes")
    }

    /// Runs `work`, a single statement that reads, which must succeed.
    fn single_read<T>(&self, work: impl FnMut(&mut dyn Repositories) -> StoreResult<T>) -> T {
        self.store().single_read(work).expect("a statement that reads")
    }

    /// Inserts an account with a digest that contains its id.
    fn keep(&self, user: &User) {
        let digest = sample::digest(&format!("digest of {}", user.id));
        assert_eq!(self.write(|r| r.users().insert(user, &digest)), Outcome::Done(()));
    }

    /// Inserts the account [`sample::user`] of that number.
    fn keep_user(&self, number: u32) -> User {
        let user = sample::user(number);
        self.keep(&user);
        user
    }

    /// Inserts a session.
    fn keep_session(&self, session: &Session) {
        self.write(|r| r.sessions().insert(session));
    }

    /// Finds an account.
    fn user(&self, id: UserId) -> Option<User> {
        self.read(|r| r.users().find(id))
    }

    /// Finds a session.
    fn session(&self, id: SessionId) -> Option<Session> {
        self.read(|r| r.sessions().find(id))
    }

    /// Finds a job.
    fn job(&self, id: JobId) -> Option<Job> {
        self.read(|r| r.jobs().find(id))
    }

    /// Claims the one job of [`sample::JOB_KIND`] that is first due, for a minute.
    fn claim_one(&self, now: Timestamp) -> Job {
        let lease_until = now + Duration::from_mins(1);
        let mut claimed = self.write(|r| r.jobs().claim(&sample::JOB_KIND, now, lease_until, 1));
        claimed.pop().expect("a job that is due")
    }

    /// The audit log ordered by event id.
    fn log(&self) -> Vec<Event> {
        let mut events = self.events();
        events.sort_by_key(|event| event.id);
        events
    }
}
