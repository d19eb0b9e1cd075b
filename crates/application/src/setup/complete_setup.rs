//! Making the first administrator.

use secrecy::SecretString;

use doorward_domain::account::Insertion;
use doorward_domain::account::Roles;
use doorward_domain::account::User;
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::password::HashError;
use doorward_domain::setup::SetupState;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::validation::Invalid;

use crate::account::new_account::NewAccount;
use crate::setup::issue_setup_token::setup_token_digest;
use crate::{AccountDraft, AccountRules};

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

/// Setup with a token that was the right one when it was looked at.
pub struct OpenSetup {
    presented: [u8; 32],
}

/// The first administrator, the password hashed.
pub struct HashedSetup {
    presented: [u8; 32],
    account: NewAccount,
}

impl CompleteSetup<'_> {
    /// Makes the account, with the roles `admin` and `user`, and closes setup for good: all phases in a row.
    pub fn execute(
        &self,
        token: &SecretString,
        draft: &AccountDraft,
        context: &RequestContext,
    ) -> Result<User, CompleteSetupError> {
        let hashed = self.hash(&self.begin(token, context)?, draft, context)?;
        self.complete(hashed, context)
    }

    /// Looks at the token.
    pub fn begin(
        &self,
        token: &SecretString,
        context: &RequestContext,
    ) -> Result<OpenSetup, CompleteSetupError> {
        let presented = setup_token_digest(token);
        let state = self.store.snapshot(|repos| repos.setup().state())?;
        if opens(&presented, state) {
            Ok(OpenSetup { presented })
        } else {
            self.refuse(CompleteSetupError::Closed, context)
        }
    }

    /// Checks the draft and hashes the password. Asks no store.
    pub fn hash(
        &self,
        setup: &OpenSetup,
        draft: &AccountDraft,
        context: &RequestContext,
    ) -> Result<HashedSetup, CompleteSetupError> {
        let checked = self.rules.check(draft)?;
        let account = self.rules.build(&checked, Roles::admin(), context.now)?;
        Ok(HashedSetup {
            presented: setup.presented,
            account,
        })
    }

    /// Keeps the account and closes setup.
    pub fn complete(
        &self,
        hashed: HashedSetup,
        context: &RequestContext,
    ) -> Result<User, CompleteSetupError> {
        let HashedSetup { presented, account } = hashed;
        let NewAccount { user, digest } = account;
        let event = self.event(EventOutcome::Success, context).of(user.id);
        let kept = self.store.transaction(|repos| {
            // The token may have been used or replaced while the password was hashed.
            if !opens(&presented, repos.setup().state()?) || !repos.setup().complete(context.now)? {
                return Err(CompleteSetupError::Closed);
            }
            if repos.users().insert(&user, &digest)? == Insertion::EmailTaken {
                return Err(CompleteSetupError::EmailTaken);
            }
            Ok(repos.events().append(&event)?)
        });
        match kept {
            Ok(()) => Ok(user),
            Err(error @ (CompleteSetupError::Closed | CompleteSetupError::EmailTaken)) => {
                self.refuse(error, context)
            }
            Err(error) => Err(error),
        }
    }

    /// Remembers that setup was refused. In a transaction of its own, for the one that failed left nothing.
    fn refuse<T>(
        &self,
        error: CompleteSetupError,
        context: &RequestContext,
    ) -> Result<T, CompleteSetupError> {
        let event = self.event(EventOutcome::Failure, context);
        self.store.transaction(|repos| -> StoreResult<()> {
            let reason = if matches!(error, CompleteSetupError::EmailTaken) {
                "email-taken"
            } else if repos.setup().state()?.completed_at.is_some() {
                "already-completed"
            } else {
                "wrong-token"
            };
            repos.events().append(&event.clone().with("reason", reason))
        })?;
        Err(error)
    }

    fn event(&self, outcome: EventOutcome, context: &RequestContext) -> Event {
        Event::new(EventKind::SetupCompleted, outcome, context, self.rules.entropy)
    }
}

/// Whether the token of this digest opens setup.
fn opens(presented: &[u8; 32], state: SetupState) -> bool {
    state.completed_at.is_none() && state.token_digest.as_ref() == Some(presented)
}
