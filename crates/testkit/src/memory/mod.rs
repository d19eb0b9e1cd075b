//! A store in memory.
//!
//! The committed state is one immutable value. A writing transaction works on a copy and commits by replacing the value, so
//! a rollback discards the copy, and a reader sees the state it began with. Writing transactions run one at a time.

mod accounts;
mod jobs;
mod ledgers;
mod outbox;
mod retention;
mod sessions;
mod state;
mod transaction;

use std::sync::{Arc, Mutex};

use doorward_domain::attempt::{AttemptKey, AttemptRecord};
use doorward_domain::audit::Event;
use doorward_domain::id::UserId;
use doorward_domain::session::Session;
use doorward_domain::store::{Repositories, UnitOfWork, Verdict};
use doorward_domain::store_error::{StoreError, StoreResult};

use crate::hold;

use self::state::State;
use self::transaction::Transaction;

/// A store in memory that can be made to fail.
///
/// It is as strict as the strictest database: a reading transaction refuses to write and to lock, a single statement is one
/// call of a method that is documented as such, and a session requires its user. A writing transaction inside another one on the same thread deadlocks.
#[derive(Debug, Default)]
pub struct MemoryStore {
    committed: Mutex<Arc<State>>,
    turn: Mutex<()>,
    faults: Mutex<Faults>,
}

/// The faults that are set.
#[derive(Debug, Clone, Default)]
struct Faults {
    begin: Option<StoreError>,
    statement: Option<(u32, StoreError)>,
    commit: Option<StoreError>,
    rerun: bool,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes every transaction and every readiness check fail before it begins, like an unreachable database; `None`
    /// restores the store.
    pub fn fail_with(&self, error: Option<StoreError>) {
        hold(&self.faults).begin = error;
    }

    /// Makes the statements of each transaction fail after the first `statements` ones, like a broken connection; `None`
    /// restores the store. A test that tries 0, 1, 2, … until the use case succeeds has tried an outage at every statement.
    pub fn fail_after(&self, statements: u32, error: Option<StoreError>) {
        hold(&self.faults).statement = error.map(|error| (statements, error));
    }

    /// Makes every commit fail after all statements have run, and discards their changes; `None` restores the store.
    pub fn fail_commits_with(&self, error: Option<StoreError>) {
        hold(&self.faults).commit = error;
    }

    /// Runs the work of every writing transaction twice and discards the first run, as a database may require after a
    /// serialisation failure. A use case MUST have the same effect.
    pub fn rerun_writes(&self, rerun: bool) {
        hold(&self.faults).rerun = rerun;
    }

    /// The audit log, in the order of writing.
    pub fn events(&self) -> Vec<Event> {
        self.state().events.clone()
    }

    /// Every session of a user, ended or not, in the order of their ids.
    pub fn sessions_of(&self, user: UserId) -> Vec<Session> {
        self.state()
            .sessions
            .values()
            .filter(|session| session.user_id == user)
            .cloned()
            .collect()
    }

    /// The attempt record under a key.
    pub fn attempts_on(&self, key: &AttemptKey) -> Option<AttemptRecord> {
        self.state().attempts.get(key).copied()
    }

    /// The committed state.
    fn state(&self) -> Arc<State> {
        Arc::clone(&hold(&self.committed))
    }

    /// The faults for a transaction that begins now; an error if the store is set to be unavailable.
    fn begin(&self) -> StoreResult<Faults> {
        let faults = hold(&self.faults).clone();
        match faults.begin {
            Some(error) => Err(error),
            None => Ok(faults),
        }
    }

    fn run_writing(
        &self,
        is_single: bool,
        work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict,
    ) -> StoreResult<()> {
        let _turn = hold(&self.turn);
        let faults = self.begin()?;
        let begin = |statement| Transaction::writing(self.state(), statement).single(is_single);
        if faults.rerun {
            work(&mut begin(faults.statement.clone()));
        }
        let mut transaction = begin(faults.statement);
        if work(&mut transaction) == Verdict::RollBack {
            return Ok(());
        }
        let state = transaction.outcome()?;
        if let Some(error) = faults.commit {
            return Err(error);
        }
        *hold(&self.committed) = state;
        Ok(())
    }

    fn run_reading(&self, is_single: bool, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        let faults = self.begin()?;
        work(&mut Transaction::reading(self.state(), faults.statement).single(is_single));
        Ok(())
    }
}

impl UnitOfWork for MemoryStore {
    fn write(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        self.run_writing(false, work)
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        self.run_reading(false, work)
    }

    fn write_single(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        self.run_writing(true, work)
    }

    fn read_single(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        self.run_reading(true, work)
    }

    fn check(&self) -> StoreResult<()> {
        self.begin().map(|_faults| ())
    }
}

#[cfg(test)]
mod tests {
    use doorward_domain::store::Transactions as _;

    use super::*;
    use crate::sample;

    /// As on the databases: otherwise a use case that needs a transaction could pass its tests without one.
    #[test]
    fn a_second_call_and_a_call_of_several_statements_are_refused() {
        let store = MemoryStore::new();
        let id = sample::user(1).id;
        let is_refused = |outcome: StoreResult<()>| {
            assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
        };
        is_refused(store.single_read(|r| {
            r.users().find(id)?;
            r.users().find(id).map(drop)
        }));
        is_refused(store.single_read(|r| r.users().lock(id).map(drop)));
        is_refused(store.single_write(|r| r.users().delete(id).map(drop)));
        assert_eq!(store.single_read(|r| r.users().find(id)), Ok(None));
    }
}
