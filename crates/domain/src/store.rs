//! The store: transactions over one repository for each kind of row.
//!
//! A new repository is one line in the list `repositories!` below, besides the port itself.

use crate::audit::{Event, EventFilter, EventLog};
use crate::id::EventId;
use crate::store_error::{StoreError, StoreResult};
use crate::time::Timestamp;

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Commit what was written.
    Commit,
    /// Discard what was written.
    RollBack,
}

/// A store as something that runs transactions. Use cases call it through [`Transactions`].
pub trait UnitOfWork: Send + Sync {
    /// Runs `work` in one transaction that may write, and commits or rolls back as `work` returns.
    ///
    /// MUST run it so that two transactions that change the same row cannot both succeed as if they were first, and MUST have
    /// made it durable when it returns `Ok` after [`Verdict::Commit`]. MAY run `work` again from the beginning after a
    /// rollback of its own, when the database requires it. When `work` panics, MUST discard its changes and stay usable.
    fn write(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()>;

    /// Runs `work`, which only reads, on one consistent view where the store has one. MAY refuse writes.
    fn read(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()>;

    /// Checks that the store is reachable, has the expected schema and begins writing transactions, for readiness checks.
    fn check(&self) -> StoreResult<()>;
}

impl<S: UnitOfWork + ?Sized> UnitOfWork for &S {
    fn write(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        (**self).write(work)
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        (**self).read(work)
    }

    fn check(&self) -> StoreResult<()> {
        (**self).check()
    }
}

/// Generates [`Repositories`], its implementation for a type that is every repository itself (as the open transaction of
/// a store is), and `MockRepositories`.
macro_rules! repositories {
    (
        log: $(#[$log_doc:meta])* $log:ident: $log_port:path, $log_mock:path;
        $($(#[$doc:meta])* $name:ident: $port:path, $mock:path;)*
    ) => {
        /// One open transaction: a repository for each kind of row, one statement at a time.
        ///
        /// A store implements the ports for the type of its open transaction; this trait follows.
        pub trait Repositories {
            $(#[$log_doc])* fn $log(&mut self) -> &mut dyn $log_port;
            $($(#[$doc])* fn $name(&mut self) -> &mut dyn $port;)*
        }

        impl<T: $log_port + $($port +)*> Repositories for T {
            fn $log(&mut self) -> &mut dyn $log_port {
                self
            }
            $(fn $name(&mut self) -> &mut dyn $port {
                self
            })*
        }

        /// Passes every repository through, and records whether the log of revocations and the queue of jobs were
        /// accessed. May leave out audit events.
        pub struct RepositoryWatch<'a> {
            inner: &'a mut dyn Repositories,
            is_log_used: bool,
            is_queue_used: bool,
            admits: Option<&'a mut dyn FnMut(&Event) -> bool>,
        }

        impl Repositories for RepositoryWatch<'_> {
            fn $log(&mut self) -> &mut dyn $log_port {
                self
            }
            $(fn $name(&mut self) -> &mut dyn $port {
                self.is_log_used |= matches!(stringify!($name), "revocations");
                self.is_queue_used |= matches!(stringify!($name), "jobs");
                self.inner.$name()
            })*
        }

        /// One mock for each repository. A call that is not expected fails the test.
        #[cfg(any(test, feature = "mocks"))]
        #[derive(Default)]
        pub struct MockRepositories {
            $(#[$log_doc])* pub $log: $log_mock,
            $($(#[$doc])* pub $name: $mock,)*
        }

        #[cfg(any(test, feature = "mocks"))]
        impl Repositories for MockRepositories {
            fn $log(&mut self) -> &mut dyn $log_port {
                &mut self.$log
            }
            $(fn $name(&mut self) -> &mut dyn $port {
                &mut self.$name
            })*
        }
    };
}

repositories! {
    log:
    /// The audit log.
    events: crate::audit::EventLog, crate::audit::MockEventLog;
    /// Accounts with roles and password digests.
    users: crate::account::UserRepository, crate::account::MockUserRepository;
    /// Sessions, live or ended.
    sessions: crate::session::SessionRepository, crate::session::MockSessionRepository;
    /// Attempts at the passwords of accounts.
    attempts: crate::attempt::AttemptRepository, crate::attempt::MockAttemptRepository;
    /// Known networks of the owners of accounts.
    networks: crate::attempt::NetworkRepository, crate::attempt::MockNetworkRepository;
    /// Revocations of access tokens.
    revocations: crate::token::RevocationLog, crate::token::MockRevocationLog;
    /// Sealed keys.
    keys: crate::key::KeyRepository, crate::key::MockKeyRepository;
    /// The queue of jobs.
    jobs: crate::job::JobRepository, crate::job::MockJobRepository;
    /// The pepper that passwords are hashed with.
    peppers: crate::password::PepperRepository, crate::password::MockPepperRepository;
    /// Progress of the first-time setup.
    setup: crate::setup::SetupRepository, crate::setup::MockSetupRepository;
}

impl<'a> RepositoryWatch<'a> {
    /// Wraps these repositories.
    pub fn over(inner: &'a mut dyn Repositories) -> Self {
        Self {
            inner,
            is_log_used: false,
            is_queue_used: false,
            admits: None,
        }
    }

    /// Passes only those audit events to the log that `admits` returns `true` for. The transaction learns nothing of it.
    #[must_use]
    pub fn with_events_if(self, admits: &'a mut dyn FnMut(&Event) -> bool) -> Self {
        Self {
            admits: Some(admits),
            ..self
        }
    }

    /// Whether the log of revocations was used.
    pub const fn is_log_used(&self) -> bool {
        self.is_log_used
    }

    /// Whether the queue of jobs was used.
    pub const fn is_queue_used(&self) -> bool {
        self.is_queue_used
    }
}

impl EventLog for RepositoryWatch<'_> {
    fn append(&mut self, event: &Event) -> StoreResult<()> {
        let is_admitted = self.admits.as_mut().is_none_or(|admits| admits(event));
        if is_admitted {
            self.inner.events().append(event)
        } else {
            Ok(())
        }
    }

    fn page(&mut self, filter: &EventFilter, before: Option<EventId>, limit: u32) -> StoreResult<Vec<Event>> {
        self.inner.events().page(filter, before, limit)
    }

    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        self.inner.events().delete_expired(before, limit)
    }
}

/// Transactions as closures with results: the form in which use cases are written.
///
/// Only `Err` rolls back. **A refusal that must be stored is `Ok`**, as an
/// [`Outcome::Refused`](crate::outcome::Outcome::Refused): a counted failure or a session ended by a replay has to be
/// committed although the caller is rejected.
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

/// The error for a store that returned success without running `work`, which violates the contract of [`UnitOfWork`].
fn not_run<T, E: From<StoreError>>() -> Result<T, E> {
    Err(StoreError::Unavailable("the transaction was not run".to_owned()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watch_records_the_use_of_the_revocation_log_and_of_the_queue() {
        let mut repositories = MockRepositories::default();
        let mut watch = RepositoryWatch::over(&mut repositories);
        watch.users();
        watch.sessions();
        watch.events();
        assert!(!watch.is_log_used() && !watch.is_queue_used());
        watch.revocations();
        assert!(watch.is_log_used() && !watch.is_queue_used());
        watch.jobs();
        assert!(watch.is_queue_used());
    }
}
