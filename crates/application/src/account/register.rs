//! Making an account for oneself.

use doorward_domain::account::Insertion;
use doorward_domain::account::Roles;
use doorward_domain::account::{Email, User};
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::password::HashError;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;
use doorward_domain::validation::Invalid;

use crate::account::new_account::{NewAccount, remember_taken};
use crate::{AccountDraft, AccountRules};

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

/// A registration that keeps every rule, its password hashed; or the address, if it is taken.
pub struct HashedRegistration(Result<NewAccount, Email>);

impl Register<'_> {
    /// Makes the account, with the role `user`: all phases in a row.
    pub fn execute(&self, draft: AccountDraft, context: &RequestContext) -> Result<User, RegisterError> {
        let hashed = self.hash(&self.begin(draft)?, context)?;
        self.complete(hashed, context)
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
        context: &RequestContext,
    ) -> Result<HashedRegistration, RegisterError> {
        let checked = self.rules.check(&registration.draft)?;
        if registration.is_taken {
            return Ok(HashedRegistration(Err(checked.email)));
        }
        let account = self.rules.build(&checked, Roles::user(), context.now)?;
        Ok(HashedRegistration(Ok(account)))
    }

    /// Keeps the account.
    pub fn complete(
        &self,
        hashed: HashedRegistration,
        context: &RequestContext,
    ) -> Result<User, RegisterError> {
        let NewAccount { user, digest } = match hashed.0 {
            Ok(account) => account,
            Err(taken) => {
                self.store.transaction(|repos| {
                    remember_taken(repos, &taken, self.event(EventOutcome::Failure, context))
                })?;
                return Err(RegisterError::EmailTaken);
            }
        };
        let [success, failure] =
            [EventOutcome::Success, EventOutcome::Failure].map(|outcome| self.event(outcome, context));
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

    fn event(&self, outcome: EventOutcome, context: &RequestContext) -> Event {
        Event::new(EventKind::UserRegistered, outcome, context, self.rules.entropy)
    }
}
