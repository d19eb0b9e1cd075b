//! The store: transactions over one repository for each kind of row.
//!
//! A new repository is one line in the list `repositories!` below, besides the port itself.

use crate::audit::{Event, EventFilter, EventLog};
use crate::id::{EventId, SessionId};
use crate::session::EndReason;
use crate::store_error::{StoreError, StoreResult};
use crate::time::Timestamp;
use crate::token::{LogPage, LogPosition, RevocationLog, Revoked};

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

    /// Like [`write`](Self::write), for `work` that calls a single method of one repository, one that is documented as *a
    /// single statement*: a store can run that without the messages that begin and end a transaction.
    ///
    /// `work` MUST return [`Verdict::Commit`] after the call has succeeded; a rollback may come too late. The statement MUST
    /// be safe to repeat: when the connection is lost, the store MAY run `work` again although it has taken effect.
    /// MAY refuse a second call and any other method.
    fn write_single(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        self.write(work)
    }

    /// Like [`read`](Self::read), for `work` that calls a single method of one repository, one that is documented as *a
    /// single statement*. MAY refuse a second call and any other method.
    fn read_single(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        self.read(work)
    }

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

    fn write_single(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        (**self).write_single(work)
    }

    fn read_single(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        (**self).read_single(work)
    }

    fn check(&self) -> StoreResult<()> {
        (**self).check()
    }
}

/// Passes every repository through, and records whether the log of revocations and the queue of jobs were accessed, what
/// was added to the log, and how many sessions were ended by a replay.
pub struct RepositoryWatch<'a> {
    inner: &'a mut dyn Repositories,
    log_uses: usize,
    /// How many of them ended a session themselves.
    own_ends: usize,
    revoked: Vec<(Revoked, Timestamp)>,
    replays: u64,
    is_queue_used: bool,
    admits: Option<&'a mut dyn FnMut(&Event) -> bool>,
}

/// The repository of that name behind a watch.
macro_rules! watched {
    ($watch:ident, events) => {
        $watch
    };
    ($watch:ident, revocations) => {{
        $watch.log_uses += 1;
        $watch
    }};
    ($watch:ident, jobs) => {{
        $watch.is_queue_used = true;
        $watch.inner.jobs()
    }};
    ($watch:ident, $name:ident) => {
        $watch.inner.$name()
    };
}

/// Generates [`Repositories`], its implementation for a type that is every repository itself (as the open transaction of
/// a store is), and `MockRepositories`.
macro_rules! repositories {
    (
        $($(#[$doc:meta])* $name:ident: $port:path, $mock:path;)*
    ) => {
        /// One open transaction: a repository for each kind of row, one statement at a time.
        ///
        /// A store implements the ports for the type of its open transaction; this trait follows.
        pub trait Repositories {
            $($(#[$doc])* fn $name(&mut self) -> &mut dyn $port;)*
        }

        impl<T: $($port +)*> Repositories for T {
            $(fn $name(&mut self) -> &mut dyn $port {
                self
            })*
        }

        impl Repositories for RepositoryWatch<'_> {
            $(fn $name(&mut self) -> &mut dyn $port {
                watched!(self, $name)
            })*
        }

        /// One mock for each repository. A call that is not expected fails the test.
        #[cfg(any(test, feature = "mocks"))]
        #[derive(Default)]
        pub struct MockRepositories {
            $($(#[$doc])* pub $name: $mock,)*
        }

        #[cfg(any(test, feature = "mocks"))]
        impl Repositories for MockRepositories {
            $(fn $name(&mut self) -> &mut dyn $port {
                &mut self.$name
            })*
        }
    };
}

repositories! {
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
    /// Queued mails.
    outbox: crate::mail::Outbox, crate::mail::MockOutbox;
    /// Progress of the first-time setup.
    setup: crate::setup::SetupRepository, crate::setup::MockSetupRepository;
}

impl<'a> RepositoryWatch<'a> {
    /// Wraps these repositories.
    pub fn over(inner: &'a mut dyn Repositories) -> Self {
        Self {
            inner,
            log_uses: 0,
            own_ends: 0,
            revoked: Vec::new(),
            replays: 0,
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
        self.log_uses > 0
    }

    /// Whether others may have revoked some of what the transaction was to revoke: the session that it did not end because it
    /// had ended before, or others of the user whose sessions it ended. What it has added is not all that is over then.
    pub const fn may_lack_revocations(&self) -> bool {
        self.log_uses > self.own_ends
    }

    /// What was added to the log of revocations, and when.
    pub fn into_revoked(self) -> Vec<(Revoked, Timestamp)> {
        self.revoked
    }

    /// The number of sessions that were ended because a used refresh token was presented.
    pub const fn replays(&self) -> u64 {
        self.replays
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

impl RevocationLog for RepositoryWatch<'_> {
    fn append(&mut self, revoked: &[Revoked], now: Timestamp) -> StoreResult<()> {
        self.inner.revocations().append(revoked, now)?;
        self.revoked
            .extend(revoked.iter().map(|revoked| (revoked.clone(), now)));
        Ok(())
    }

    fn end_session(&mut self, id: SessionId, reason: EndReason, event: &Event) -> StoreResult<bool> {
        let ended = self.inner.revocations().end_session(id, reason, event)?;
        if ended {
            self.own_ends += 1;
            self.revoked.push((Revoked::Session(id), event.at));
            self.replays += u64::from(reason == EndReason::Replayed);
        }
        Ok(ended)
    }

    fn after(&mut self, position: &LogPosition, limit: u32) -> StoreResult<LogPage> {
        self.inner.revocations().after(position, limit)
    }

    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        self.inner.revocations().delete_expired(before, limit)
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

    /// Runs `work`, which calls a single method that may write, in a transaction of its own: see
    /// [`UnitOfWork::write_single`].
    fn single_write<T>(&self, work: impl FnMut(&mut dyn Repositories) -> StoreResult<T>) -> StoreResult<T>;

    /// Runs `work`, which calls a single method that only reads: see [`UnitOfWork::read_single`].
    fn single_read<T>(&self, work: impl FnMut(&mut dyn Repositories) -> StoreResult<T>) -> StoreResult<T>;
}

impl<S: UnitOfWork + ?Sized> Transactions for S {
    fn transaction<T, E: From<StoreError>>(
        &self,
        work: impl FnMut(&mut dyn Repositories) -> Result<T, E>,
    ) -> Result<T, E> {
        writing(|work| self.write(work), work)
    }

    fn snapshot<T, E: From<StoreError>>(
        &self,
        work: impl FnMut(&mut dyn Repositories) -> Result<T, E>,
    ) -> Result<T, E> {
        reading(|work| self.read(work), work)
    }

    fn single_write<T>(&self, work: impl FnMut(&mut dyn Repositories) -> StoreResult<T>) -> StoreResult<T> {
        writing(|work| self.write_single(work), work)
    }

    fn single_read<T>(&self, work: impl FnMut(&mut dyn Repositories) -> StoreResult<T>) -> StoreResult<T> {
        reading(|work| self.read_single(work), work)
    }
}

/// Passes `work` to `run` as a closure without a result, and returns the result of the last run.
fn writing<T, E: From<StoreError>>(
    run: impl FnOnce(&mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()>,
    mut work: impl FnMut(&mut dyn Repositories) -> Result<T, E>,
) -> Result<T, E> {
    let mut outcome = None;
    run(&mut |repositories| {
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

/// As [`writing`], for `work` that only reads.
fn reading<T, E: From<StoreError>>(
    run: impl FnOnce(&mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()>,
    mut work: impl FnMut(&mut dyn Repositories) -> Result<T, E>,
) -> Result<T, E> {
    let mut outcome = None;
    run(&mut |repositories| outcome = Some(work(repositories)))?;
    outcome.unwrap_or_else(not_run)
}

/// The error for a store that returned success without running `work`, which violates the contract of [`UnitOfWork`].
fn not_run<T, E: From<StoreError>>() -> Result<T, E> {
    Err(StoreError::Unavailable("the transaction was not run".to_owned()).into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::audit::{EventKind, EventOutcome};
    use crate::id::{EventId, RequestId};

    #[test]
    fn the_watch_records_the_use_of_the_revocation_log_and_of_the_queue() {
        let mut repositories = MockRepositories::default();
        let mut watch = RepositoryWatch::over(&mut repositories);
        watch.users();
        watch.sessions();
        watch.events();
        assert!(!watch.is_log_used() && !watch.may_lack_revocations() && !watch.is_queue_used());
        watch.revocations();
        assert!(watch.is_log_used() && watch.may_lack_revocations() && !watch.is_queue_used());
        watch.jobs();
        assert!(watch.is_queue_used());
        assert_eq!(watch.into_revoked(), []);
    }

    #[test]
    fn the_watch_records_what_was_revoked() {
        let mut repositories = MockRepositories::default();
        let (live, ended) = (SessionId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
        let log = &mut repositories.revocations;
        log.expect_end_session().returning(move |id, _, _| Ok(id == live));
        log.expect_append().returning(|_, _| Ok(()));
        let mut watch = RepositoryWatch::over(&mut repositories);
        let event = event(EventKind::SessionEnded);
        for session in [live, ended] {
            let done = watch
                .revocations()
                .end_session(session, EndReason::LoggedOut, &event);
            assert_eq!(done, Ok(session == live));
            assert_eq!(watch.may_lack_revocations(), session == ended);
        }
        let now = event.at;
        let other = Revoked::Session(SessionId::from_bytes([3; 16]));
        assert_eq!(
            watch.revocations().append(core::slice::from_ref(&other), now),
            Ok(())
        );
        let revoked = [(Revoked::Session(live), now), (other, now)];
        assert_eq!(watch.into_revoked(), revoked);
    }

    #[test]
    fn the_watch_counts_the_sessions_that_a_replay_has_ended() {
        let mut repositories = MockRepositories::default();
        let (live, ended) = (SessionId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
        let log = &mut repositories.revocations;
        log.expect_end_session().returning(move |id, _, _| Ok(id == live));
        let mut watch = RepositoryWatch::over(&mut repositories);
        let event = event(EventKind::SessionReplayed);
        for (session, reason, replays) in [
            (live, EndReason::LoggedOut, 0),
            (live, EndReason::Replayed, 1),
            (ended, EndReason::Replayed, 1),
        ] {
            let done = watch.revocations().end_session(session, reason, &event);
            assert_eq!((done, watch.replays()), (Ok(session == live), replays));
        }
    }

    fn event(kind: EventKind) -> Event {
        Event {
            id: EventId::from_bytes([1; 16]),
            at: Timestamp::from_unix_seconds(1),
            kind,
            outcome: EventOutcome::Success,
            subject: None,
            actor: None,
            session_id: None,
            ip: None,
            user_agent: None,
            request_id: RequestId::from_bytes([1; 16]),
            detail: BTreeMap::new(),
        }
    }
}
