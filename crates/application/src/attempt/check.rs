//! Counting and verifying attempts at passwords.
//!
//! Every use case that verifies a password does it through here, so that none of them is a way around the limit. An
//! attempt goes through phases, each with a type that only the one before makes:
//!
//! 1. *look* ([`PendingAttempt`]): which record it counts on, and whether it may be made at all. Reads only.
//! 2. *count* ([`CountedAttempt`]): in a transaction of its own, so that attempts made at once cannot all be verified
//!    before the first is counted. Between the two the caller may wait for the lock on [`PendingAttempt::lock_key`].
//! 3. *verify*: hashes, and uses no store.
//! 4. *complete*: in one transaction of the use case, forgive what was counted or record the failure.
//!
//! A caller that goes away after the second phase leaves a counted attempt behind, and nothing else. The order is that of
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

use crate::attempt::budget::Budget;

/// What a password is verified with.
#[derive(Clone, Copy)]
pub struct PasswordCheck<'a> {
    /// Where accounts and attempts are kept.
    pub store: &'a dyn UnitOfWork,
    /// Verifies passwords.
    pub hasher: &'a dyn PasswordHasher,
    /// Names accounts in the table of attempts.
    pub attempt_keys: &'a dyn AttemptKeys,
    /// How many attempts an account allows.
    pub attempts: &'a AttemptPolicy,
    /// Says which refusals the audit log records.
    pub refused: &'a dyn RefusedAttempts,
    /// Makes the ids of events.
    pub entropy: &'a dyn Entropy,
}

/// Why a password is not verified.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// Too many failed attempts at the account; it can be tried again after this long.
    #[error("too many attempts")]
    TooManyAttempts {
        /// How long to wait; never zero.
        retry_after: Duration,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An attempt that may be made as far as could be read. It has not been counted yet.
pub struct PendingAttempt {
    /// `None` for an address that no account can have: nothing is counted there.
    target: Option<Target>,
}

struct Target {
    email: CanonicalEmail,
    /// The one account it is made at, if it is not whichever has the address.
    user: Option<UserId>,
    budget: Budget,
}

/// An attempt that was counted and may be verified, once.
pub struct CountedAttempt {
    credentials: Option<Credentials>,
    count: Option<Count>,
}

/// What counting an attempt has written.
struct Count {
    budget: Budget,
    before: Option<AttemptRecord>,
    /// Its latest attempt is this one.
    record: AttemptRecord,
}

/// Whether the password is that of an account that may be used. A wrong password, an unknown account and one that may not be
/// used are one to the caller.
pub(crate) type AttemptResult = Result<VerifiedAttempt, FailedAttempt>;

/// An attempt with the right password.
pub(crate) struct VerifiedAttempt {
    /// The account, as it was found.
    pub(crate) credentials: Credentials,
    /// Whether the digest should be made again with the parameters of today.
    pub(crate) outdated: bool,
    count: Option<Count>,
}

/// A failed attempt, as the audit log records it.
pub(crate) struct FailedAttempt {
    user_id: Option<UserId>,
    reason: &'static str,
}

impl FailedAttempt {
    /// The password was right, but the account is gone, disabled or has another password by now.
    pub(crate) const fn overtaken(user_id: UserId) -> Self {
        Self {
            user_id: Some(user_id),
            reason: "changed-meanwhile",
        }
    }
}

impl PendingAttempt {
    /// An attempt at an address that no account can have.
    pub(crate) const fn at_no_account() -> Self {
        Self { target: None }
    }

    /// The key that attempts should be serialised on: one at a time, a right one is forgiven before the next is counted.
    /// `None` where nothing is counted.
    pub fn lock_key(&self) -> Option<AttemptKey> {
        self.target.as_ref().map(|target| *target.budget.key())
    }
}

impl PasswordCheck<'_> {
    /// Reads whether an attempt at the caller's own account may be made. `None` when the account has been deleted or
    /// disabled since the token was issued.
    pub(crate) fn look_at_caller(
        &self,
        caller: &GrantedUser<ManageOwnAccount>,
        context: &RequestContext,
    ) -> Result<Option<PendingAttempt>, AttemptError> {
        let id = caller.user_id();
        let found = self
            .store
            .snapshot(|repos| -> StoreResult<_> { repos.users().find(id) })?;
        match found.filter(User::is_active) {
            Some(user) => Ok(Some(self.look(user.email.canonical(), Some(id), context)?)),
            None => Ok(None),
        }
    }

    /// Reads whether an attempt at the account with that address may be made, whether or not there is one; at the account
    /// `user`, if it is made at that one alone. The audit log records a refusal now and then; nothing else is written.
    pub(crate) fn look(
        &self,
        email: &CanonicalEmail,
        user: Option<UserId>,
        context: &RequestContext,
    ) -> Result<PendingAttempt, AttemptError> {
        let (budget, record) = self.store.snapshot(|repos| -> StoreResult<_> {
            let budget = Budget::find(repos, self.attempt_keys, email, context)?;
            let record = repos.attempts().find(budget.key())?;
            Ok((budget, record))
        })?;
        let target = Target {
            email: email.clone(),
            user,
            budget,
        };
        if let AttemptDecision::Wait { wait, correction } = self.attempts.judge(record.as_ref(), context.now)
        {
            let told = self.refused.note(target.budget.key(), context.now);
            if told.is_none() && correction.is_none() {
                return Err(AttemptError::TooManyAttempts { retry_after: wait });
            }
            // The record is changed under the lock; by then there may be no reason to refuse any more.
            self.store
                .transaction(|repos| -> StoreResult<_> {
                    match self.judge(repos, &target, context)? {
                        (_, AttemptDecision::Allowed(_)) => Ok(Outcome::Done(())),
                        (_, AttemptDecision::Wait { wait, correction }) => {
                            self.refuse(repos, &target, correction, told, context)?;
                            Ok(Outcome::Refused(AttemptError::TooManyAttempts {
                                retry_after: wait,
                            }))
                        }
                    }
                })?
                .into_result()?;
        }
        Ok(PendingAttempt { target: Some(target) })
    }

    /// Counts an attempt, if it may still be made.
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
        // A store may run the transaction again, but there is one refusal to note.
        let mut noted = None;
        let (credentials, before, record) = self
            .store
            .transaction(|repos| -> StoreResult<_> {
                match self.judge(repos, &target, context)? {
                    (before, AttemptDecision::Allowed(counted)) => {
                        repos.attempts().put(target.budget.key(), &counted)?;
                        Ok(Outcome::Done((find(repos, &target)?, before, counted)))
                    }
                    (_, AttemptDecision::Wait { wait, correction }) => {
                        let note = || self.refused.note(target.budget.key(), context.now);
                        let told = *noted.get_or_insert_with(note);
                        self.refuse(repos, &target, correction, told, context)?;
                        Ok(Outcome::Refused(AttemptError::TooManyAttempts {
                            retry_after: wait,
                        }))
                    }
                }
            })?
            .into_result()?;
        let count = Some(Count {
            budget: target.budget,
            before,
            record,
        });
        Ok(CountedAttempt { credentials, count })
    }

    /// Takes back the count of an attempt that could not be verified because the hashing threads were busy. If others have
    /// been counted since, it stays counted.
    pub fn take_back(&self, attempt: CountedAttempt) -> StoreResult<()> {
        let Some(count) = attempt.count else { return Ok(()) };
        let key = count.budget.key();
        self.store.transaction(|repos| {
            if repos.attempts().lock(key)? != Some(count.record) {
                return Ok(());
            }
            match &count.before {
                Some(before) => repos.attempts().put(key, before),
                None => repos.attempts().forget(key),
            }
        })
    }

    fn judge(
        &self,
        repos: &mut dyn Repositories,
        target: &Target,
        context: &RequestContext,
    ) -> StoreResult<(Option<AttemptRecord>, AttemptDecision)> {
        let record = repos.attempts().lock(target.budget.key())?;
        let decision = self.attempts.judge(record.as_ref(), context.now);
        Ok((record, decision))
    }

    fn refuse(
        &self,
        repos: &mut dyn Repositories,
        target: &Target,
        correction: Option<AttemptRecord>,
        told: Option<u64>,
        context: &RequestContext,
    ) -> StoreResult<()> {
        if let Some(corrected) = correction {
            repos.attempts().put(target.budget.key(), &corrected)?;
        }
        let Some(refusals) = told else { return Ok(()) };
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

    /// Verifies the password. Costs the same whether or not there is an account, and whatever its state. Uses no store.
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
            }));
        };
        let reason = match self.hasher.verify(password, &credentials.digest)? {
            Verification::Match { .. } if !credentials.user.is_active() => "account-disabled",
            Verification::Match { outdated } => {
                return Ok(Ok(VerifiedAttempt {
                    credentials,
                    outdated,
                    count,
                }));
            }
            Verification::Mismatch => "wrong-password",
            Verification::Unusable => "unusable-digest",
        };
        Ok(Err(FailedAttempt {
            user_id: Some(credentials.user.id),
            reason,
        }))
    }

    /// Records a failed attempt as an event of `kind`. The attempt itself has been counted already.
    pub(crate) fn record_failure(
        &self,
        kind: EventKind,
        failure: &FailedAttempt,
        context: &RequestContext,
    ) -> StoreResult<()> {
        let mut event =
            Event::new(kind, EventOutcome::Failure, context, self.entropy).with("reason", failure.reason);
        event.subject = failure.user_id.map(Subject::User);
        self.store
            .transaction(|repos| -> Result<(), StoreError> { repos.events().append(&event) })
    }
}

/// The account that an attempt is made at, and its password's digest.
fn find(repos: &mut dyn Repositories, target: &Target) -> StoreResult<Option<Credentials>> {
    match target.user {
        Some(id) => repos.users().find_credentials(id),
        None => repos.users().find_credentials_by_email(&target.email),
    }
}

impl VerifiedAttempt {
    /// Forgives what was counted, after a right password. To be called after the account is locked, as one order keeps two
    /// transactions from waiting for each other.
    pub(crate) fn forgive(&self, repos: &mut dyn Repositories) -> StoreResult<()> {
        let Some(count) = &self.count else { return Ok(()) };
        let key = count.budget.key();
        // An administrator may have forgiven everything meanwhile.
        let Some(record) = repos.attempts().lock(key)? else {
            return Ok(());
        };
        match record.forgiven(count.record.last_at) {
            Some(forgiven) => repos.attempts().put(key, &forgiven),
            None => repos.attempts().forget(key),
        }
    }

    /// Forgets every network but the one that this attempt comes from: whoever knew the password before may have logged in
    /// from the others. To be called after the account is locked.
    pub(crate) fn forget_other_networks(&self, repos: &mut dyn Repositories) -> StoreResult<()> {
        match &self.count {
            Some(count) => count.budget.forget_other_networks(repos),
            None => Ok(()),
        }
    }

    /// Notes where the owner has logged in from. To be called after the account is locked.
    pub(crate) fn note_login(
        &self,
        repos: &mut dyn Repositories,
        context: &RequestContext,
    ) -> StoreResult<()> {
        match &self.count {
            Some(count) => count.budget.note_login(repos, context.now),
            None => Ok(()),
        }
    }
}

/// Passes an attempt that may not be made on as the error of a use case.
macro_rules! refused_attempts {
    ($($error:ident)*) => {
        $(
            impl From<AttemptError> for crate::$error {
                fn from(error: AttemptError) -> Self {
                    match error {
                        AttemptError::TooManyAttempts { retry_after } => Self::TooManyAttempts { retry_after },
                        AttemptError::Store(error) => Self::Store(error),
                    }
                }
            }
        )*
    };
}

refused_attempts!(LoginError ChangePasswordError DeleteAccountError);
