//! A store made of mocks, for unit tests of what runs transactions.

use std::sync::{Mutex, PoisonError};

use crate::store::{MockRepositories, Repositories, UnitOfWork, Verdict};
use crate::store_error::StoreResult;

/// A store whose transactions run on [`MockRepositories`]. It remembers how each writing transaction ended, because that
/// is half of what a use case decides.
pub struct MockStore {
    repositories: Mutex<MockRepositories>,
    verdicts: Mutex<Vec<Verdict>>,
}

impl MockStore {
    /// A store that runs its transactions on these.
    pub const fn new(repositories: MockRepositories) -> Self {
        Self {
            repositories: Mutex::new(repositories),
            verdicts: Mutex::new(Vec::new()),
        }
    }

    /// How the writing transactions ended, in their order.
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
