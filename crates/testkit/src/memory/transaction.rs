use std::sync::Arc;

use doorward_domain::store_error::{StoreError, StoreResult};

use super::state::State;

/// One open transaction on a copy of the state.
#[derive(Debug)]
pub(super) struct Transaction {
    /// Shared with the store until the first write, which copies it.
    state: Arc<State>,
    writes: bool,
    /// Whether it allows one call only, of a method that is a single statement.
    is_single: bool,
    /// Whether that call has been made.
    is_used: bool,
    fault: Option<(u32, StoreError)>,
    failed: Option<StoreError>,
}

impl Transaction {
    pub(super) fn writing(state: Arc<State>, fault: Option<(u32, StoreError)>) -> Self {
        Self {
            state,
            writes: true,
            is_single: false,
            is_used: false,
            fault,
            failed: None,
        }
    }

    pub(super) fn reading(state: Arc<State>, fault: Option<(u32, StoreError)>) -> Self {
        Self {
            state,
            writes: false,
            is_single: false,
            is_used: false,
            fault,
            failed: None,
        }
    }

    /// The same for a single statement, if it `is_single`.
    pub(super) fn single(self, is_single: bool) -> Self {
        Self { is_single, ..self }
    }

    /// The state to commit. A transaction in which a statement failed cannot be committed, even if its work returns success.
    pub(super) fn outcome(self) -> StoreResult<Arc<State>> {
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.state),
        }
    }

    /// The state, for statements that read.
    pub(super) fn look(&mut self) -> StoreResult<&State> {
        self.only_in_a_transaction()?;
        self.look_once()
    }

    /// The state, for a method that is a single statement and reads.
    pub(super) fn look_once(&mut self) -> StoreResult<&State> {
        self.only_once()?;
        self.statement()?;
        Ok(&self.state)
    }

    /// The state, for a statement that locks. Writing transactions run one at a time, so the lock is held already.
    pub(super) fn lock_and_look(&mut self) -> StoreResult<&State> {
        self.only_when_writing("a lock")?;
        self.look()
    }

    /// The state, for statements that write.
    pub(super) fn change(&mut self) -> StoreResult<&mut State> {
        self.only_in_a_transaction()?;
        self.change_once()
    }

    /// The state, for a method that is a single statement and writes.
    pub(super) fn change_once(&mut self) -> StoreResult<&mut State> {
        self.only_once()?;
        self.only_when_writing("a write")?;
        self.statement()?;
        Ok(Arc::make_mut(&mut self.state))
    }

    /// Fails the statement and with it the transaction, like a violated constraint of a database.
    pub(super) fn refuse<T>(&mut self, reason: &str) -> StoreResult<T> {
        let error = StoreError::Unavailable(reason.to_owned());
        self.failed = Some(error.clone());
        Err(error)
    }

    fn only_in_a_transaction(&mut self) -> StoreResult<()> {
        if self.is_single {
            return self.refuse("several statements without a transaction");
        }
        Ok(())
    }

    fn only_once(&mut self) -> StoreResult<()> {
        if self.is_single && self.is_used {
            return self.refuse("a second statement without a transaction");
        }
        self.is_used = true;
        Ok(())
    }

    fn only_when_writing(&mut self, what: &str) -> StoreResult<()> {
        if self.writes {
            Ok(())
        } else {
            self.refuse(&format!("{what} in a transaction that only reads"))
        }
    }

    /// Counts a statement, and fails if the fault that is set is reached or a statement has failed before.
    fn statement(&mut self) -> StoreResult<()> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match &mut self.fault {
            Some((0, error)) => {
                self.failed = Some(error.clone());
                Err(error.clone())
            }
            Some((left, _)) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}
