//! What every store must hold, as one suite of tests.
//!
//! Each rule of the repositories of `doorward_domain` is tried by at least one case: a function of a fresh, empty store that panics
//! when the store breaks the rule. [`store_contract!`](crate::store_contract) makes a `#[test]` of each.
//!
//! To run the suite on a store, implement [`StoreUnderTest`] for something that owns the store and whatever it lives in
//! (a temporary directory, a schema of its own), and say in an integration test:
//!
//! ```
//! use doorward_testkit::{MemoryStore, store_contract};
//!
//! store_contract!(memory, Ok(MemoryStore::new()));
//! ```
//!
//! A store that cannot always be had answers `Err(NotRun(reason))` where it cannot: see [`run`].
//!
//! A case is added by writing it and naming it in `list.rs`; one that is not named there is dead code to the compiler.

mod accounts;
mod attempts;
mod event_pages;
mod events;
mod extremes;
mod keys;
mod list;
mod networks;
mod pages;
mod races;
mod revocations;
mod round_trips;
mod sessions;
mod setup;
mod sweeping;
pub(crate) mod threads;
mod transactions;
mod turns;

use std::io::Write;

use doorward_domain::account::Insertion;
use doorward_domain::account::User;
use doorward_domain::audit::Event;
use doorward_domain::id::{SessionId, UserId};
use doorward_domain::session::Session;
use doorward_domain::store::{Repositories, Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;

use crate::{MemoryStore, sample};

/// The cases, each a rule that a store may not break.
pub mod cases {
    /// Makes the cases public, and with that alive: the only other mention of a case is in the list.
    macro_rules! publish {
        ([] $($module:ident { $($case:ident)* })*) => {
            $(pub use super::$module::{$($case),*};)*
        };
    }

    crate::__store_contract_cases!([publish] []);
}

/// The environment variable that turns a suite that cannot run into one that fails. Continuous integration sets it, so
/// that a missing database is not taken for a passing one.
const REQUIRE: &str = "DOORWARD_REQUIRE_POSTGRES";

/// A case of the contract: a function of an empty store, which panics when the store breaks the rule.
pub type Case = fn(&dyn StoreUnderTest);

/// A fresh, empty store and whatever it lives in, for one test.
///
/// Cases use it from up to eight threads at once, one of which may be inside a transaction while another begins one: a
/// pool of connections needs at least eight.
pub trait StoreUnderTest: Sync {
    /// The store.
    fn store(&self) -> &dyn UnitOfWork;

    /// Everything committed to the audit log, in any order.
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

/// Why a store could not be had, in words for a person: no server at the address configured, say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRun(pub String);

/// Runs one case on a fresh store. Where no store can be had it says so on standard error, past the capture of the test
/// harness, and returns; with `DOORWARD_REQUIRE_POSTGRES` in the environment it panics instead.
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

/// What the cases are written with.
impl dyn StoreUnderTest + '_ {
    /// Runs `work` in a transaction that writes, which has to succeed.
    fn write<T>(&self, work: impl FnMut(&mut dyn Repositories) -> StoreResult<T>) -> T {
        self.store().transaction(work).expect("a transaction that writes")
    }

    /// Runs `work` in a transaction that reads, which has to succeed.
    fn read<T>(&self, work: impl FnMut(&mut dyn Repositories) -> StoreResult<T>) -> T {
        self.store().snapshot(work).expect("a transaction that reads")
    }

    /// Keeps an account, with a digest that says whose it is.
    fn keep(&self, user: &User) {
        let digest = sample::digest(&format!("digest of {}", user.id));
        assert_eq!(self.write(|r| r.users().insert(user, &digest)), Insertion::Done);
    }

    /// Keeps the account [`sample::user`] of that number.
    fn keep_user(&self, number: u32) -> User {
        let user = sample::user(number);
        self.keep(&user);
        user
    }

    /// Keeps a session.
    fn keep_session(&self, session: &Session) {
        self.write(|r| r.sessions().insert(session));
    }

    /// The account of that id.
    fn user(&self, id: UserId) -> Option<User> {
        self.read(|r| r.users().find(id))
    }

    /// The session of that id.
    fn session(&self, id: SessionId) -> Option<Session> {
        self.read(|r| r.sessions().find(id))
    }

    /// The audit log in the order of the ids.
    fn log(&self) -> Vec<Event> {
        let mut events = self.events();
        events.sort_by_key(|event| event.id);
        events
    }
}
