//! Making the first administrator.

use secrecy::SecretString;

use crate::access::Roles;
use crate::audit::{Event, EventKind, EventOutcome, Occasion};
use crate::identity::User;
use crate::ports::{HashError, Insertion, SetupState, StoreError, StoreResult, Transactions, UnitOfWork};
use crate::validation::Invalid;

use super::offer_setup::setup_token_digest;
use super::{AccountDraft, AccountRules};

/// Makes the first administrator for whoever has the setup token, once.
pub struct CompleteSetup<'a> {
    /// Where the account is kept.
    pub store: &'a dyn UnitOfWork,
    /// What it is held to.
    pub rules: AccountRules<'a>,
}

/// Why there is no first administrator now.
#[derive(Debug, thiserror::Error)]
pub enum CompleteSetupError {
    /// The token is wrong, or setup was completed before. Which it is, is not told.
    #[error("the setup token is wrong, or setup is closed")]
    Closed,
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

impl CompleteSetup<'_> {
    /// Makes the account, with the roles `admin` and `user`, and closes setup for good.
    pub fn execute(
        &self,
        token: &SecretString,
        draft: &AccountDraft,
        occasion: &Occasion,
    ) -> Result<User, CompleteSetupError> {
        let attempted = self.attempt(token, draft, occasion);
        if let Err(error @ (CompleteSetupError::Closed | CompleteSetupError::EmailTaken)) = &attempted {
            self.remember_failure(error, occasion)?;
        }
        attempted
    }

    /// Remembers that setup was refused. In a transaction of its own, for the one that failed left nothing.
    fn remember_failure(&self, error: &CompleteSetupError, occasion: &Occasion) -> StoreResult<()> {
        let event = self.event(EventOutcome::Failure, occasion);
        self.store.transaction(|repos| {
            let reason = if matches!(error, CompleteSetupError::EmailTaken) {
                "email-taken"
            } else if repos.setup().state()?.completed_at.is_some() {
                "already-completed"
            } else {
                "wrong-token"
            };
            repos.events().append(&event.clone().with("reason", reason))
        })
    }

    fn event(&self, outcome: EventOutcome, occasion: &Occasion) -> Event {
        Event::new(EventKind::SetupCompleted, outcome, occasion, self.rules.entropy)
    }

    fn attempt(
        &self,
        token: &SecretString,
        draft: &AccountDraft,
        occasion: &Occasion,
    ) -> Result<User, CompleteSetupError> {
        let presented = setup_token_digest(token);
        let opens = |state: SetupState| state.completed_at.is_none() && state.token_digest == Some(presented);
        let state = self.store.snapshot(|repos| repos.setup().state())?;
        if !opens(state) {
            return Err(CompleteSetupError::Closed);
        }
        let checked = self.rules.check(draft)?;
        let (user, digest) = self.rules.build(&checked, Roles::admin(), occasion.now)?;
        let event = self.event(EventOutcome::Success, occasion).of(user.id);
        self.store.transaction(|repos| {
            // The token may have been used or replaced while the password was hashed.
            if !opens(repos.setup().state()?) || !repos.setup().complete(occasion.now)? {
                return Err(CompleteSetupError::Closed);
            }
            if repos.users().insert(&user, &digest)? == Insertion::EmailTaken {
                return Err(CompleteSetupError::EmailTaken);
            }
            Ok(repos.events().append(&event)?)
        })?;
        Ok(user)
    }
}
