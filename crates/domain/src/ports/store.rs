use super::{
    AttemptRepository, EventLog, KeyRepository, NetworkRepository, RevocationLog, SessionRepository,
    SetupRepository, Sweeping, UserRepository,
};

/// A store that did not do what it was asked.
///
/// "There is no such row" is not among the errors: it is `Ok(None)`. An outage must never look like a wrong password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached, is too busy, or broke off. Trying again later may help.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The store holds something that cannot be: says which table, column and row.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

/// What a store answers.
pub type StoreResult<T> = Result<T, StoreError>;

/// How a transaction is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Keep what was written.
    Commit,
    /// Forget what was written.
    RollBack,
}

/// A store, seen as the transactions it runs. Use it through [`Transactions`].
pub trait UnitOfWork: Send + Sync {
    /// Runs `work` in one transaction that may write, and ends it as `work` says.
    ///
    /// MUST run it so that two transactions that change the same row cannot both believe they were first, and MUST have
    /// made it durable when it returns `Ok` after [`Verdict::Commit`]. MAY run `work` again from the beginning after a
    /// rollback of its own, when the database asks for that. When `work` panics, MUST keep nothing of it and stay usable.
    fn write(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()>;

    /// Runs `work`, which only reads, on one consistent view where the store has one. MAY refuse writes.
    fn read(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()>;

    /// Whether the store answers and has the schema it should have, for readiness checks.
    fn check(&self) -> StoreResult<()>;
}

/// One open transaction: a repository for each kind of thing, one statement at a time.
pub trait Repositories {
    /// Accounts.
    fn users(&mut self) -> &mut dyn UserRepository;
    /// Sessions.
    fn sessions(&mut self) -> &mut dyn SessionRepository;
    /// Guesses at accounts.
    fn attempts(&mut self) -> &mut dyn AttemptRepository;
    /// Where owners log in from.
    fn networks(&mut self) -> &mut dyn NetworkRepository;
    /// The audit log.
    fn events(&mut self) -> &mut dyn EventLog;
    /// What makes access tokens untrue.
    fn revocations(&mut self) -> &mut dyn RevocationLog;
    /// Sealed keys.
    fn keys(&mut self) -> &mut dyn KeyRepository;
    /// What cannot matter any more.
    fn sweeping(&mut self) -> &mut dyn Sweeping;
    /// Whether there is a first administrator yet.
    fn setup(&mut self) -> &mut dyn SetupRepository;
}

/// Transactions as closures with results: the form in which use cases are written.
///
/// Only `Err` rolls back. **A refusal that must be remembered is `Ok`**: a counted failure or a session ended by a
/// replay has to be committed although the caller is turned away.
pub trait Transactions {
    /// Runs `work` in a transaction that may write: `Ok` commits, `Err` rolls back.
    fn transaction<T, E: From<StoreError>>(
        &self,
        work: impl FnMut(&mut dyn Repositories) -> Result<T, E>,
    ) -> Result<T, E>;

    /// Runs `work`, which only reads.
    fn snapshot<T, E: From<StoreError>>(
        &self,
        work: impl FnMut(&mut dyn Repositories) -> Result<T, E>,
    ) -> Result<T, E>;
}

impl<S: UnitOfWork + ?Sized> Transactions for S {
    fn transaction<T, E: From<StoreError>>(
        &self,
        mut work: impl FnMut(&mut dyn Repositories) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut outcome = None;
        self.write(&mut |repositories| {
            let result = work(repositories);
            let verdict = if result.is_ok() {
                Verdict::Commit
            } else {
                Verdict::RollBack
            };
            outcome = Some(result);
            verdict
        })?;
        outcome.unwrap_or_else(not_run)
    }

    fn snapshot<T, E: From<StoreError>>(
        &self,
        mut work: impl FnMut(&mut dyn Repositories) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut outcome = None;
        self.read(&mut |repositories| outcome = Some(work(repositories)))?;
        outcome.unwrap_or_else(not_run)
    }
}

/// A store that says it ran the work without running it.
fn not_run<T, E: From<StoreError>>() -> Result<T, E> {
    Err(StoreError::Unavailable("the transaction was not run".to_owned()).into())
}
