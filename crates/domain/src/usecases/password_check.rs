//! A guess at a password, counted before it is looked at.
//!
//! Every use case that verifies a password does it through here, so that none of them is a way around the limit. The
//! order is: count, hash, then (in the caller's own transaction) forgive or remember the failure. Counting comes first,
//! in a transaction of its own, so that guesses made at once cannot all be verified before the first is counted.

use core::time::Duration;

use crate::audit::{Event, EventKind, EventOutcome, Occasion};
use crate::id::UserId;
use crate::identity::{AttemptPolicy, CanonicalEmail, Credentials, Judgement, PlainPassword};
use crate::ports::{
    AttemptKeys, Entropy, HashError, PasswordHasher, Repositories, StoreError, StoreResult, Transactions,
    UnitOfWork, Verification,
};

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
    /// Makes the ids of events.
    pub entropy: &'a dyn Entropy,
}

/// Whether a guess may be verified.
pub(super) enum Admission {
    /// It may, against these; against nothing where there is no account.
    Admitted(Option<Credentials>),
    /// Not before this long from now. The refusal has been remembered.
    Refused(Duration),
}

/// What came of a guess.
pub(super) enum Finding {
    /// It is the password of this account, which may be used.
    Correct {
        credentials: Credentials,
        /// Whether the digest should be made again with the parameters of today.
        outdated: bool,
    },
    /// It is not, or there is no such account, or it may not be used: for the caller they are one.
    Wrong(Failure),
}

/// A failed guess, as the audit log tells it.
pub(super) struct Failure {
    user_id: Option<UserId>,
    reason: &'static str,
}

impl Failure {
    /// The password was right, but the account is gone, disabled or has another password by now.
    pub(super) const fn overtaken(user_id: UserId) -> Self {
        Self {
            user_id: Some(user_id),
            reason: "changed-meanwhile",
        }
    }
}

impl PasswordCheck<'_> {
    /// Counts a guess at the account with that address, whether or not there is one.
    pub(super) fn admit(&self, email: &CanonicalEmail, occasion: &Occasion) -> StoreResult<Admission> {
        self.store.transaction(|repos| {
            let credentials = repos.users().find_credentials_by_email(email)?;
            self.count(repos, email, credentials, occasion)
        })
    }

    /// Counts a guess at the account of that id. An account that is gone has no attempts to count.
    pub(super) fn admit_user(&self, id: UserId, occasion: &Occasion) -> StoreResult<Admission> {
        self.store
            .transaction(|repos| match repos.users().find_credentials(id)? {
                Some(credentials) => {
                    let email = credentials.user.email.canonical().clone();
                    self.count(repos, &email, Some(credentials), occasion)
                }
                None => Ok(Admission::Admitted(None)),
            })
    }

    fn count(
        &self,
        repos: &mut dyn Repositories,
        email: &CanonicalEmail,
        credentials: Option<Credentials>,
        occasion: &Occasion,
    ) -> StoreResult<Admission> {
        let key = self.attempt_keys.attempt_key(email);
        let record = repos.attempts().lock(&key)?;
        match self.attempts.judge(record.as_ref(), occasion.now) {
            Judgement::Allowed(counted) => {
                repos.attempts().put(&key, &counted)?;
                Ok(Admission::Admitted(credentials))
            }
            Judgement::Wait { wait, correction } => {
                if let Some(corrected) = correction {
                    repos.attempts().put(&key, &corrected)?;
                }
                let mut event = Event::new(
                    EventKind::LoginRefused,
                    EventOutcome::Failure,
                    occasion,
                    self.entropy,
                );
                event.user_id = credentials.map(|credentials| credentials.user.id);
                repos.events().append(&event)?;
                Ok(Admission::Refused(wait))
            }
        }
    }

    /// Looks at the password. Costs the same whether or not there is an account, and whatever its state.
    pub(super) fn verify(
        &self,
        credentials: Option<Credentials>,
        password: &PlainPassword,
    ) -> Result<Finding, HashError> {
        let Some(credentials) = credentials else {
            self.hasher.verify_nothing(password)?;
            return Ok(Finding::Wrong(Failure {
                user_id: None,
                reason: "unknown-account",
            }));
        };
        let user_id = Some(credentials.user.id);
        Ok(match self.hasher.verify(password, &credentials.digest)? {
            Verification::Match { .. } if !credentials.user.is_active() => Finding::Wrong(Failure {
                user_id,
                reason: "account-disabled",
            }),
            Verification::Match { outdated } => Finding::Correct {
                credentials,
                outdated,
            },
            Verification::Mismatch => Finding::Wrong(Failure {
                user_id,
                reason: "wrong-password",
            }),
            Verification::Unusable => Finding::Wrong(Failure {
                user_id,
                reason: "unusable-digest",
            }),
        })
    }

    /// Looks at a password that cannot belong to anybody, so that the answer takes as long as any other.
    pub(super) fn verify_nothing(&self, password: &PlainPassword) -> Result<Finding, HashError> {
        self.hasher.verify_nothing(password)?;
        Ok(Finding::Wrong(Failure {
            user_id: None,
            reason: "malformed-email",
        }))
    }

    /// Remembers a failed guess as an event of `kind`. The guess itself has been counted already.
    pub(super) fn remember_failure(
        &self,
        kind: EventKind,
        failure: &Failure,
        occasion: &Occasion,
    ) -> StoreResult<()> {
        let mut event =
            Event::new(kind, EventOutcome::Failure, occasion, self.entropy).with("reason", failure.reason);
        event.user_id = failure.user_id;
        self.store
            .transaction(|repos| -> Result<(), StoreError> { repos.events().append(&event) })
    }

    /// Forgives the account its guesses, after a correct one.
    pub(super) fn forgive(&self, repos: &mut dyn Repositories, email: &CanonicalEmail) -> StoreResult<()> {
        repos.attempts().forget(&self.attempt_keys.attempt_key(email))
    }
}
