//! A store in memory.
//!
//! What is committed is one immutable value. A writing transaction works on a copy and commits by putting the copy in
//! its place, so a rollback has nothing to undo and a reader keeps the value it began with. Writers take turns.

mod accounts;
mod jobs;
mod ledgers;
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

/// A store in memory, which can be told to fail.
///
/// It is stricter than it needs to be where a database might be: a reading transaction refuses to write and to lock,
/// and a session needs its user. A writing transaction inside another one of the same thread never gets its turn.
#[derive(Debug, Default)]
pub struct MemoryStore {
    committed: Mutex<Arc<State>>,
    turn: Mutex<()>,
    faults: Mutex<Faults>,
}

/// What goes wrong, for as long as it is set.
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

    /// Makes every transaction and every readiness check fail before it begins, as when the database is away; `None`
    /// brings it back.
    pub fn fail_with(&self, error: Option<StoreError>) {
        hold(&self.faults).begin = error;
    }

    /// Lets `statements` statements of each transaction through and fails those after them, as when the connection
    /// breaks in the middle; `None` mends it. A test that tries 0, 1, 2, … until the use case succeeds has tried an
    /// outage at every step of it.
    pub fn fail_after(&self, statements: u32, error: Option<StoreError>) {
        hold(&self.faults).statement = error.map(|error| (statements, error));
    }

    /// Makes every commit fail, after all the work was done; `None` mends it. Nothing of the work is kept.
    pub fn fail_commits_with(&self, error: Option<StoreError>) {
        hold(&self.faults).commit = error;
    }

    /// Runs the work of every writing transaction twice, the first time for nothing, as a database may ask for when
    /// transactions collide. A use case must not notice.
    pub fn rerun_writes(&self, rerun: bool) {
        hold(&self.faults).rerun = rerun;
    }

    /// The audit log, in the order in which it was written.
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

    /// The attempts at an account.
    pub fn attempts_on(&self, key: &AttemptKey) -> Option<AttemptRecord> {
        self.state().attempts.get(key).copied()
    }

    /// What is committed now.
    fn state(&self) -> Arc<State> {
        Arc::clone(&hold(&self.committed))
    }

    /// What goes wrong now, unless it is that nothing can begin.
    fn begin(&self) -> StoreResult<Faults> {
        let faults = hold(&self.faults).clone();
        match faults.begin {
            Some(error) => Err(error),
            None => Ok(faults),
        }
    }
}

impl UnitOfWork for MemoryStore {
    fn write(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        let _turn = hold(&self.turn);
        let faults = self.begin()?;
        if faults.rerun {
            work(&mut Transaction::writing(self.state(), faults.statement.clone()));
        }
        let mut transaction = Transaction::writing(self.state(), faults.statement);
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

    fn read(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        let faults = self.begin()?;
        work(&mut Transaction::reading(self.state(), faults.statement));
        Ok(())
    }

    fn check(&self) -> StoreResult<()> {
        self.begin().map(|_faults| ())
    }
}
