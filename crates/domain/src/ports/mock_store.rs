//! A store made of mocks, for unit tests of what runs transactions.

use std::sync::{Mutex, PoisonError};

use super::{
    AttemptRepository, EventLog, KeyRepository, MockAttemptRepository, MockEventLog, MockKeyRepository,
    MockNetworkRepository, MockRevocationLog, MockSessionRepository, MockSetupRepository, MockSweeping,
    MockUserRepository, NetworkRepository, Repositories, RevocationLog, SessionRepository, SetupRepository,
    StoreResult, Sweeping, UnitOfWork, UserRepository, Verdict,
};

/// One mock for each repository. What is not expected of them fails the test.
#[derive(Default)]
pub struct MockRepositories {
    /// Accounts.
    pub users: MockUserRepository,
    /// Sessions.
    pub sessions: MockSessionRepository,
    /// Guesses at accounts.
    pub attempts: MockAttemptRepository,
    /// Where owners log in from.
    pub networks: MockNetworkRepository,
    /// The audit log.
    pub events: MockEventLog,
    /// What makes access tokens untrue.
    pub revocations: MockRevocationLog,
    /// Sealed keys.
    pub keys: MockKeyRepository,
    /// What cannot matter any more.
    pub sweeping: MockSweeping,
    /// Whether there is a first administrator yet.
    pub setup: MockSetupRepository,
}

impl Repositories for MockRepositories {
    fn users(&mut self) -> &mut dyn UserRepository {
        &mut self.users
    }

    fn sessions(&mut self) -> &mut dyn SessionRepository {
        &mut self.sessions
    }

    fn attempts(&mut self) -> &mut dyn AttemptRepository {
        &mut self.attempts
    }

    fn networks(&mut self) -> &mut dyn NetworkRepository {
        &mut self.networks
    }

    fn events(&mut self) -> &mut dyn EventLog {
        &mut self.events
    }

    fn revocations(&mut self) -> &mut dyn RevocationLog {
        &mut self.revocations
    }

    fn keys(&mut self) -> &mut dyn KeyRepository {
        &mut self.keys
    }

    fn sweeping(&mut self) -> &mut dyn Sweeping {
        &mut self.sweeping
    }

    fn setup(&mut self) -> &mut dyn SetupRepository {
        &mut self.setup
    }
}

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
