//! Counting and verifying password attempts.
//!
//! Every use case that verifies a password does so here, so that none bypasses the limit. An attempt passes through phases,
//! each with a type that only the phase before constructs:
//!
//! 1. *look* ([`PendingAttempt`]): which record it counts on, and whether it is allowed at all. Reads only.
//! 2. *count* ([`CountedAttempt`]): committed before the third, on condition that the record is the one that the decision was
//!    made on, so that concurrent attempts cannot all be verified before the first is counted. Between the first two the caller
//!    may wait for the lock on [`PendingAttempt::lock_key`].
//! 3. *verify*: hashes, and uses no store.
//! 4. *complete*: in one transaction of the use case, reset the count or record the failure.
//!
//! A caller that is cancelled after the second phase leaves a counted attempt behind, and nothing else. The order is that of
//! [`PasswordAttempt`](super::protocol::PasswordAttempt).

use core::time::Duration;

use doorward_domain::access::{GrantedUser, ManageOwnAccount};
use doorward_domain::account::{CanonicalEmail, Credentials, User};
use doorward_domain::attempt::{AttemptDecision, AttemptKey, AttemptPolicy, AttemptRecord};
use doorward_domain::attempt::{AttemptKeys, RefusedAttempts};
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::UserId;
use doorward_domain::outcome::Outcome;
use doorward_domain::password::PlainPassword;
use doorward_domain::password::{HashError, PasswordHasher, Verification};
use doorward_domain::store::{Repositories, Transactions, UnitOfWork};
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::subject::Subject;

use crate::attempt::budget::{Budget, MAX_ROUNDS, overtaken_too_often};
use crate::attempt::verified::{AttemptResult, CountedRecord, FailedAttempt, VerifiedAttempt};

/// The ports and the policy that a password is verified with.
#[derive(Clone, Copy)]
pub struct PasswordCheck<'a> {
    /// Stores accounts and attempt records.
    pub store: &'a dyn UnitOfWork,
    /// Verifies passwords.
    pub hasher: &'a dyn PasswordHasher,
    /// Derives the keys of attempt records.
    pub attempt_keys: &'a dyn AttemptKeys,
    /// The limits on attempts.
    pub attempts: &'a AttemptPolicy,
    /// Decides which refusals are written to the audit log.
    pub refused: &'a dyn RefusedAttempts,
    /// Generates the ids of audit events.
    pub entropy: &'a dyn Entropy,
}

/// Why an attempt is not allowed.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// Too many failed attempts on the account.
    #[error("too many attempts")]
    TooManyAttempts {
        /// The time until the next attempt is allowed; never zero.
        retry_after: Duration,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An attempt that was allowed when the record was read. It has not been counted yet.
pub struct PendingAttempt {
    /// `None` for a malformed address, which no account can have: such attempts are not counted.
    target: Option<Target>,
}

struct Target {
    email: CanonicalEmail,
    /// The account, if it is given by id rather than by the address.
    user: Option<UserId>,
    budget: Budget,
    /// The record when it was last read.
    record: Option<AttemptRecord>,
}

/// A counted attempt, which may be verified once.
pub struct CountedAttempt {
    credentials: Option<Credentials>,
    count: Option<CountedRecord>,
}

impl PendingAttempt {
    /// An attempt on a malformed address.
    pub(crate) const fn at_no_account() -> Self {
        Self { target: None }
    }

    /// The key on which callers should serialise attempts, so that a successful one resets the count before the next is
    /// counted. `None` if the attempt is not counted.
    pub fn lock_key(&self) -> Option<AttemptKey> {
        self.target.as_ref().map(|target| *target.budget.key())
    }
}

impl PasswordCheck<'_> {
    /// Reads whether an attempt on the caller's own account is allowed. `None` when the account has been deleted or
    /// disabled since the token was issued.
    pub(crate) fn look_at_caller(
        &self,
        caller: &GrantedUser<ManageOwnAccount>,
        context: &RequestContext,
    ) -> Result<Option<PendingAttempt>, AttemptError> {
        let id = caller.user_id();
        let found = self.store.single_read(|repos| repos.users().find(id))?;
        match found.filter(User::is_active) {
            Some(user) => Ok(Some(self.look(user.email.canonical(), Some(id), context)?)),
            None => Ok(None),
        }
    }

    /// Reads whether an attempt on the account with that address is allowed, whether or not the account exists. With `user`,
    /// only that account is meant. Writes nothing, except that some refusals are recorded in the audit log.
    pub(crate) fn look(
        &self,
        email: &CanonicalEmail,
        user: Option<UserId>,
        context: &RequestContext,
    ) -> Result<PendingAttempt, AttemptError> {
        let (budget, record) = self
            .store
            .single_read(|repos| Budget::find(repos, self.attempt_keys, email, context))?;
        let mut target = Target {
            email: email.clone(),
            user,
            budget,
            record,
        };
        if let AttemptDecision::Wait { wait, correction } =
            self.attempts.judge(target.record.as_ref(), context.now)
        {
            target.record = self.refuse(&target, wait, correction, context)?;
        }
        Ok(PendingAttempt { target: Some(target) })
    }

    /// Counts an attempt, if it is still allowed.
    pub fn count(
        &self,
        attempt: PendingAttempt,
        context: &RequestContext,
    ) -> Result<CountedAttempt, AttemptError> {
        let Some(target) = attempt.target else {
            return Ok(CountedAttempt {
                credentials: None,
                count: None,
            });
        };
        let (before, record) = self.count_on(&target, context)?;
        let credentials = self.store.single_read(|repos| find(repos, &target))?;
        let count = Some(CountedRecord {
            budget: target.budget,
            before,
            record,
        });
        Ok(CountedAttempt { credentials, count })
    }

    /// Counts an attempt on the record; returns it as it was before, and as it is now. The record as last read is taken for the
    /// current one, because it mostly is; if it is not, nothing is stored, and it is read again.
    fn count_on(
        &self,
        target: &Target,
        context: &RequestContext,
    ) -> Result<(Option<AttemptRecord>, AttemptRecord), AttemptError> {
        let key = target.budget.key();
        let mut before = target.record;
        for _ in 0..MAX_ROUNDS {
            match self.attempts.judge(before.as_ref(), context.now) {
                AttemptDecision::Allowed(counted) => {
                    let replace = |repos: &mut dyn Repositories| {
                        repos.attempts().replace(key, before.as_ref(), Some(&counted))
                    };
                    if self.store.single_write(replace)? {
                        return Ok((before, counted));
                    }
                    before = self.store.single_read(|repos| repos.attempts().find(key))?;
                }
                AttemptDecision::Wait { wait, correction } => {
                    before = self.refuse(target, wait, correction, context)?;
                }
            }
        }
        Err(overtaken_too_often().into())
    }

    /// Removes the count of an attempt that could not be verified because the hashing threads were busy. If others have been
    /// counted since, it stays counted.
    pub fn take_back(&self, attempt: CountedAttempt) -> StoreResult<()> {
        let Some(count) = attempt.count else { return Ok(()) };
        self.store.single_write(|repos| count.take_back(repos))
    }

    /// Refuses an attempt. If there is anything to store, a transaction decides again, and returns the record if the attempt is
    /// allowed by now.
    fn refuse(
        &self,
        target: &Target,
        wait: Duration,
        correction: Option<AttemptRecord>,
        context: &RequestContext,
    ) -> Result<Option<AttemptRecord>, AttemptError> {
        let key = target.budget.key();
        // The store may rerun the transaction, but the refusal is counted once.
        let noted = self.refused.note(key, context.now);
        if noted.is_none() && correction.is_none() {
            return Err(AttemptError::TooManyAttempts { retry_after: wait });
        }
        let decided = self.store.transaction(|repos| -> StoreResult<_> {
            let record = repos.attempts().find(key)?;
            match self.attempts.judge(record.as_ref(), context.now) {
                AttemptDecision::Allowed(_) => Ok(Outcome::Done(record)),
                AttemptDecision::Wait { wait, correction } => {
                    if correction.is_some() {
                        // If it fails, another attempt has been counted and has corrected the record too.
                        repos
                            .attempts()
                            .replace(key, record.as_ref(), correction.as_ref())?;
                    }
                    self.record_refusal(repos, target, noted, context)?;
                    Ok(Outcome::Refused(AttemptError::TooManyAttempts {
                        retry_after: wait,
                    }))
                }
            }
        });
        if !matches!(decided, Ok(Outcome::Refused(_))) {
            // After an error it is not known whether the event was written: rather recorded twice than never.
            self.refused.take_back(key, noted, decided.is_err());
        }
        decided?.into_result()
    }

    fn record_refusal(
        &self,
        repos: &mut dyn Repositories,
        target: &Target,
        noted: Option<u64>,
        context: &RequestContext,
    ) -> StoreResult<()> {
        let Some(refusals) = noted else { return Ok(()) };
        let mut event = Event::new(
            EventKind::LoginRefused,
            EventOutcome::Failure,
            context,
            self.entropy,
        )
        .with("count", refusals.to_string());
        let user = match target.user {
            Some(id) => Some(id),
            None => repos.users().id_of(&target.email)?,
        };
        event.subject = user.map(Subject::User);
        repos.events().append(&event)
    }

    /// Verifies the password. The cost is the same whether or not the account exists, and whatever its status. Uses no store.
    pub(crate) fn verify(
        &self,
        attempt: CountedAttempt,
        password: &PlainPassword,
    ) -> Result<AttemptResult, HashError> {
        let CountedAttempt { credentials, count } = attempt;
        let Some(credentials) = credentials else {
            self.hasher.verify_nothing(password)?;
            let reason = match count {
                Some(_) => "unknown-account",
                None => "malformed-email",
            };
            return Ok(Err(FailedAttempt {
                user_id: None,
                reason,
                uncounted: None,
            }));
        };
        let (reason, uncounted) = match self.hasher.verify(password, &credentials.digest)? {
            Verification::Match { .. } if !credentials.user.is_active() => ("account-disabled", None),
            Verification::Match { outdated } => {
                return Ok(Ok(VerifiedAttempt {
                    credentials,
                    outdated,
                    count,
                }));
            }
            Verification::Mismatch => ("wrong-password", None),
            // No password could be right, so nothing was guessed.
            Verification::Unusable => ("unusable-digest", count),
        };
        Ok(Err(FailedAttempt {
            user_id: Some(credentials.user.id),
            reason,
            uncounted,
        }))
    }

    /// Records a failed attempt as an event of `kind`. The attempt itself has been counted already, and is taken back if it was
    /// none.
    pub(crate) fn record_failure(
        &self,
        kind: EventKind,
        failure: &FailedAttempt,
        context: &RequestContext,
    ) -> StoreResult<()> {
        let mut event =
            Event::new(kind, EventOutcome::Failure, context, self.entropy).with("reason", failure.reason);
        event.subject = failure.user_id.map(Subject::User);
        self.store.transaction(|repos| -> Result<(), StoreError> {
            if let Some(count) = &failure.uncounted {
                count.take_back(repos)?;
            }
            repos.events().append(&event)
        })
    }
}

/// The account of an attempt, and the digest of its password.
fn find(repos: &mut dyn Repositories, target: &Target) -> StoreResult<Option<Credentials>> {
    match target.user {
        Some(id) => repos.users().find_credentials(id),
        None => repos.users().find_credentials_by_email(&target.email),
    }
}
