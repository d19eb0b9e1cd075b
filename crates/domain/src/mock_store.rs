//! A store of mocks, for unit tests of code that runs transactions.

use std::sync::{Mutex, PoisonError};

use crate::store::{MockRepositories, Repositories, UnitOfWork, Verdict};
use crate::store_error::StoreResult;

/// A store whose transactions run on [`MockRepositories`]. It records how each writing transaction ended, because a use case
/// decides that too.
pub struct MockStore {
    repositories: Mutex<MockRepositories>,
    verdicts: Mutex<Vec<Verdict>>,
}

impl MockStore {
    /// A store that passes these mocks to every transaction.
    pub const fn new(repositories: MockRepositories) -> Self {
        Self {
            repositories: Mutex::new(repositories),
            verdicts: Mutex::new(Vec::new()),
        }
    }

    /// How the writing transactions ended, in order.
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.verdicts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl UnitOfWork for MockStore {
    fn write(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        let verdict = work(&mut *self.repositories.lock().unwrap_or_else(PoisonError::into_inner));
        self.verdicts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(verdict);
        Ok(())
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        work(&mut *self.repositories.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    fn check(&self) -> StoreResult<()> {
        Ok(())
    }
}
