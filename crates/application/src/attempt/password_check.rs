//! A guess at a password, counted before it is looked at.
//!
//! Every use case that verifies a password does it through here, so that none of them is a way around the limit. A guess
//! goes through four phases, each with a type that only the one before makes:
//!
//! 1. *look* ([`PasswordAttempt`]): what it counts on, and whether it may be made at all. Reads only.
//! 2. *count* ([`CountedAttempt`]): in a transaction of its own, so that guesses made at once cannot all be verified before
//!    the first is counted. Between the two its maker may wait for a turn at [`PasswordAttempt::turn`].
//! 3. *verify*: hashes, and touches no store.
//! 4. *complete*: in one transaction of the use case, forgive what was counted or remember the failure.
//!
//! Whoever goes away after the second phase leaves a counted guess behind, and nothing else.

use core::time::Duration;

use doorward_domain::access::{Granted, ManageOwnAccount};
use doorward_domain::account::{CanonicalEmail, Credentials, User};
use doorward_domain::attempt::{AttemptDecision, AttemptKey, AttemptPolicy, AttemptRecord};
use doorward_domain::attempt::{AttemptKeys, RefusedAttempts};
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::UserId;
use doorward_domain::password::PlainPassword;
use doorward_domain::password::{HashError, PasswordHasher, Verification};
use doorward_domain::store::{Repositories, Transactions, UnitOfWork};
use doorward_domain::store_error::{StoreError, StoreResult};

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
    /// How many guesses an account allows.
    pub attempts: &'a AttemptPolicy,
    /// Says which refusals the audit log tells of.
    pub refused: &'a dyn RefusedAttempts,
    /// Makes the ids of events.
    pub entropy: &'a dyn Entropy,
}

/// Why a password is not looked at.
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

/// A guess that may be made, as far as could be seen. It has not been counted yet.
pub struct PasswordAttempt {
    /// `None` where no account can be: nothing is counted there.
    aim: Option<Aim>,
}

struct Aim {
    email: CanonicalEmail,
    /// The one account it is about, if it is not about whichever has the address.
    user: Option<UserId>,
    budget: Budget,
}

/// A guess that was counted and may be verified, once.
pub struct CountedAttempt {
    credentials: Option<Credentials>,
    count: Option<Count>,
}

/// What counting a guess has left.
struct Count {
    budget: Budget,
    before: Option<AttemptRecord>,
    /// Its latest guess is this one.
    record: AttemptRecord,
}

/// What came of a guess: whether it is the password of an account that may be used. If it is not, or there is no such
/// account, or it may not be used, is one for the caller.
pub(crate) type Finding = Result<VerifiedAttempt, Failure>;

/// A guess that is the password.
pub(crate) struct VerifiedAttempt {
    /// The account, as it was found.
    pub(crate) credentials: Credentials,
    /// Whether the digest should be made again with the parameters of today.
    pub(crate) outdated: bool,
    count: Option<Count>,
}

/// A failed guess, as the audit log tells it.
pub(crate) struct Failure {
    user_id: Option<UserId>,
    reason: &'static str,
}

impl Failure {
    /// The password was right, but the account is gone, disabled or has another password by now.
    pub(crate) const fn overtaken(user_id: UserId) -> Self {
        Self {
            user_id: Some(user_id),
            reason: "changed-meanwhile",
        }
    }
}

impl PasswordAttempt {
    /// A guess at an address that no account can have.
    pub(crate) const fn at_nobody() -> Self {
        Self { aim: None }
    }

    /// What guesses should take turns at: taken one at a time, valid ones are forgiven before the next is counted. `None`
    /// where nothing is counted.
    pub fn turn(&self) -> Option<AttemptKey> {
        self.aim.as_ref().map(|aim| *aim.budget.key())
    }
}

impl PasswordCheck<'_> {
    /// The account of somebody logged in, if it is still there and may be used.
    pub(crate) fn caller(&self, caller: &Granted<ManageOwnAccount>) -> StoreResult<Option<User>> {
        let id = caller.principal().user_id();
        let found = self.store.snapshot(|repos| repos.users().find(id))?;
        Ok(found.filter(User::is_active))
    }

    /// Looks whether a guess at the account with that address may be made, whether or not there is one; at the account
    /// `user`, if it is about that one alone. A refusal is told to the audit log now and then, and writes nothing
    /// otherwise.
    pub(crate) fn look(
        &self,
        email: &CanonicalEmail,
        user: Option<UserId>,
        context: &RequestContext,
    ) -> Result<PasswordAttempt, AttemptError> {
        let (budget, record) = self.store.snapshot(|repos| -> StoreResult<_> {
            let budget = Budget::find(repos, self.attempt_keys, email, context)?;
            let record = repos.attempts().find(budget.key())?;
            Ok((budget, record))
        })?;
        let aim = Aim {
            email: email.clone(),
            user,
            budget,
        };
        if let AttemptDecision::Wait { wait, correction } = self.attempts.judge(record.as_ref(), context.now)
        {
            let told = self.refused.note(aim.budget.key(), context.now);
            if told.is_none() && correction.is_none() {
                return Err(AttemptError::TooManyAttempts { retry_after: wait });
            }
            // What is remembered is decided under the lock; by then there may be no reason to refuse any more.
            self.store.transaction(|repos| -> StoreResult<_> {
                match self.judge(repos, &aim, context)? {
                    (_, AttemptDecision::Allowed(_)) => Ok(Ok(())),
                    (_, AttemptDecision::Wait { wait, correction }) => {
                        self.refuse(repos, &aim, correction, told, context)?;
                        Ok(Err(AttemptError::TooManyAttempts { retry_after: wait }))
                    }
                }
            })??;
        }
        Ok(PasswordAttempt { aim: Some(aim) })
    }

    /// Counts a guess, if it still may be made.
    pub fn count(
        &self,
        guess: PasswordAttempt,
        context: &RequestContext,
    ) -> Result<CountedAttempt, AttemptError> {
        let Some(aim) = guess.aim else {
            return Ok(CountedAttempt {
                credentials: None,
                count: None,
            });
        };
        // A store may run the transaction again, but there is one refusal to note.
        let mut noted = None;
        let (credentials, before, record) = self.store.transaction(|repos| -> StoreResult<_> {
            match self.judge(repos, &aim, context)? {
                (before, AttemptDecision::Allowed(counted)) => {
                    repos.attempts().put(aim.budget.key(), &counted)?;
                    Ok(Ok((find(repos, &aim)?, before, counted)))
                }
                (_, AttemptDecision::Wait { wait, correction }) => {
                    let note = || self.refused.note(aim.budget.key(), context.now);
                    let told = *noted.get_or_insert_with(note);
                    self.refuse(repos, &aim, correction, told, context)?;
                    Ok(Err(AttemptError::TooManyAttempts { retry_after: wait }))
                }
            }
        })??;
        let count = Some(Count {
            budget: aim.budget,
            before,
            record,
        });
        Ok(CountedAttempt { credentials, count })
    }

    /// Uncounts a guess that could not be verified for want of room to hash in. If others have been counted since, it
    /// stays counted.
    pub fn take_back(&self, guess: CountedAttempt) -> StoreResult<()> {
        let Some(count) = guess.count else { return Ok(()) };
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
        aim: &Aim,
        context: &RequestContext,
    ) -> StoreResult<(Option<AttemptRecord>, AttemptDecision)> {
        let record = repos.attempts().lock(aim.budget.key())?;
        let judgement = self.attempts.judge(record.as_ref(), context.now);
        Ok((record, judgement))
    }

    fn refuse(
        &self,
        repos: &mut dyn Repositories,
        aim: &Aim,
        correction: Option<AttemptRecord>,
        told: Option<u64>,
        context: &RequestContext,
    ) -> StoreResult<()> {
        if let Some(corrected) = correction {
            repos.attempts().put(aim.budget.key(), &corrected)?;
        }
        let Some(refusals) = told else { return Ok(()) };
        let mut event = Event::new(
            EventKind::LoginRefused,
            EventOutcome::Failure,
            context,
            self.entropy,
        )
        .with("count", refusals.to_string());
        event.user_id = match aim.user {
            Some(id) => Some(id),
            None => repos.users().id_of(&aim.email)?,
        };
        repos.events().append(&event)
    }

    /// Looks at the password. Costs the same whether or not there is an account, and whatever its state. Asks no store.
    pub(crate) fn verify(
        &self,
        guess: CountedAttempt,
        password: &PlainPassword,
    ) -> Result<Finding, HashError> {
        let CountedAttempt { credentials, count } = guess;
        let Some(credentials) = credentials else {
            self.hasher.verify_nothing(password)?;
            let reason = match count {
                Some(_) => "unknown-account",
                None => "malformed-email",
            };
            return Ok(Err(Failure {
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
        Ok(Err(Failure {
            user_id: Some(credentials.user.id),
            reason,
        }))
    }

    /// Remembers a failed guess as an event of `kind`. The guess itself has been counted already.
    pub(crate) fn remember_failure(
        &self,
        kind: EventKind,
        failure: &Failure,
        context: &RequestContext,
    ) -> StoreResult<()> {
        let mut event =
            Event::new(kind, EventOutcome::Failure, context, self.entropy).with("reason", failure.reason);
        event.user_id = failure.user_id;
        self.store
            .transaction(|repos| -> Result<(), StoreError> { repos.events().append(&event) })
    }
}

/// The account that a guess is about, and its password's digest.
fn find(repos: &mut dyn Repositories, aim: &Aim) -> StoreResult<Option<Credentials>> {
    match aim.user {
        Some(id) => repos.users().find_credentials(id),
        None => repos.users().find_credentials_by_email(&aim.email),
    }
}

impl VerifiedAttempt {
    /// Forgives what was counted, after a correct guess. To be called after the account is locked, as one order keeps two
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

    /// Forgets every network but the one that this guess comes from: whoever knew the password before may have logged in
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

/// Hands a guess that may not be made through as the error of a use case.
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
