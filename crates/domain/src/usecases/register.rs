//! Making an account for oneself.

use crate::access::Roles;
use crate::audit::{Event, EventKind, EventOutcome, Occasion};
use crate::identity::User;
use crate::ports::{HashError, Insertion, StoreError, Transactions, UnitOfWork};
use crate::validation::Invalid;

use super::new_account::remember_taken;
use super::{AccountDraft, AccountRules};

/// Makes an account for whoever asks.
pub struct Register<'a> {
    /// Where the account is kept.
    pub store: &'a dyn UnitOfWork,
    /// What it is held to.
    pub rules: AccountRules<'a>,
}

/// Why there is no new account.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The draft breaks rules.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The address belongs to an account.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Register<'_> {
    /// Makes the account, with the role `user`.
    pub fn execute(&self, draft: &AccountDraft, occasion: &Occasion) -> Result<User, RegisterError> {
        let checked = self.rules.check(draft)?;
        let taken = self.store.snapshot(|repos| -> Result<bool, StoreError> {
            Ok(repos
                .users()
                .find_credentials_by_email(checked.email.canonical())?
                .is_some())
        })?;
        if taken {
            self.store.transaction(|repos| {
                remember_taken(repos, &checked.email, self.event(EventOutcome::Failure, occasion))
            })?;
            return Err(RegisterError::EmailTaken);
        }
        let (user, digest) = self.rules.build(&checked, Roles::user(), occasion.now)?;
        let [success, failure] =
            [EventOutcome::Success, EventOutcome::Failure].map(|outcome| self.event(outcome, occasion));
        let success = success.of(user.id);
        let insertion = self.store.transaction(|repos| -> Result<_, StoreError> {
            let insertion = repos.users().insert(&user, &digest)?;
            match insertion {
                Insertion::Done => repos.events().append(&success)?,
                Insertion::EmailTaken => remember_taken(repos, &user.email, failure.clone())?,
            }
            Ok(insertion)
        })?;
        match insertion {
            Insertion::Done => Ok(user),
            Insertion::EmailTaken => Err(RegisterError::EmailTaken),
        }
    }

    fn event(&self, outcome: EventOutcome, occasion: &Occasion) -> Event {
        Event::new(EventKind::UserRegistered, outcome, occasion, self.rules.entropy)
    }
}
