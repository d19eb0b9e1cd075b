//! Making an account for oneself.

use crate::access::Roles;
use crate::audit::{Event, EventKind, EventOutcome, Occasion};
use crate::identity::{Email, User};
use crate::ports::{HashError, Insertion, StoreError, Transactions, UnitOfWork};
use crate::validation::Invalid;

use super::new_account::NewAccount;
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

/// A registration whose address was looked up.
pub struct Registration {
    draft: AccountDraft,
    is_taken: bool,
}

/// A registration that keeps every rule, its password hashed.
pub struct HashedRegistration(NewAccount);

impl Register<'_> {
    /// Makes the account, with the role `user`: all phases in a row.
    pub fn execute(&self, draft: AccountDraft, occasion: &Occasion) -> Result<User, RegisterError> {
        let hashed = self.hash(&self.begin(draft)?, occasion)?;
        self.complete(hashed, occasion)
    }

    /// Looks the address up, so that nothing is hashed for one that is taken.
    pub fn begin(&self, draft: AccountDraft) -> Result<Registration, StoreError> {
        // What is wrong with the address is told later, together with all else that is wrong.
        let is_taken = match Email::parse(&draft.email) {
            Ok(email) => self
                .store
                .snapshot(|repos| repos.users().find_credentials_by_email(email.canonical()))?
                .is_some(),
            Err(_) => false,
        };
        Ok(Registration { draft, is_taken })
    }

    /// Checks the draft and hashes the password. Asks no store.
    pub fn hash(
        &self,
        registration: &Registration,
        occasion: &Occasion,
    ) -> Result<HashedRegistration, RegisterError> {
        let checked = self.rules.check(&registration.draft)?;
        if registration.is_taken {
            return Err(RegisterError::EmailTaken);
        }
        let account = self.rules.build(&checked, Roles::user(), occasion.now)?;
        Ok(HashedRegistration(account))
    }

    /// Keeps the account.
    pub fn complete(&self, hashed: HashedRegistration, occasion: &Occasion) -> Result<User, RegisterError> {
        let NewAccount { user, digest } = hashed.0;
        let event = Event::new(
            EventKind::UserRegistered,
            EventOutcome::Success,
            occasion,
            self.rules.entropy,
        )
        .of(user.id);
        self.store
            .transaction(|repos| match repos.users().insert(&user, &digest)? {
                Insertion::Done => Ok(repos.events().append(&event)?),
                Insertion::EmailTaken => Err(RegisterError::EmailTaken),
            })?;
        Ok(user)
    }
}
