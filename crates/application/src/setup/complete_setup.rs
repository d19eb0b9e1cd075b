//! Creation of the first administrator.

use secrecy::SecretString;

use doorward_domain::account::{EmailTaken, Roles, User};
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::password::HashError;
use doorward_domain::setup::SetupState;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::validation::Invalid;

use crate::account::new_account::{MadeBy, PreparedAccount};
use crate::attempt::budget::note_owner;
use crate::setup::issue_setup_token::setup_token_digest;
use crate::{AccountCreation, AccountDraft, UseCases};

/// Creates the first administrator, with the roles `admin` and `user`, if the setup token is right, and completes setup
/// permanently.
pub struct CompleteSetup {
    /// The setup token, as typed.
    pub token: SecretString,
    /// The account.
    pub draft: AccountDraft,
}

/// Why no administrator was created.
#[derive(Debug, thiserror::Error)]
pub enum CompleteSetupError {
    /// The token is wrong, or setup was completed before. The client cannot tell which.
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

/// The digest of a setup token that was valid when it was read.
pub struct AcceptedToken([u8; 32]);

/// The first administrator with a hashed password, not stored yet.
pub struct HashedSetup {
    presented: [u8; 32],
    account: PreparedAccount,
}

impl AccountCreation for CompleteSetup {
    type Found = AcceptedToken;
    type Hashed = HashedSetup;
    type Error = CompleteSetupError;

    fn look(
        &self,
        use_cases: UseCases<'_>,
        context: &RequestContext,
    ) -> Result<AcceptedToken, CompleteSetupError> {
        let presented = setup_token_digest(&self.token);
        let state = use_cases
            .store
            .snapshot(|repos| -> StoreResult<_> { repos.setup().state() })?;
        if opens(&presented, state) {
            Ok(AcceptedToken(presented))
        } else {
            refuse(use_cases, CompleteSetupError::Closed, context)
        }
    }

    fn hash(
        &self,
        use_cases: UseCases<'_>,
        AcceptedToken(presented): AcceptedToken,
        context: &RequestContext,
    ) -> Result<HashedSetup, CompleteSetupError> {
        let rules = use_cases.account_rules();
        let checked = rules.check(&self.draft)?;
        let account = rules.build(&checked, Roles::admin(), MadeBy::Trusted, context.now)?;
        Ok(HashedSetup { presented, account })
    }

    fn complete(
        &self,
        use_cases: UseCases<'_>,
        hashed: HashedSetup,
        context: &RequestContext,
    ) -> Result<User, CompleteSetupError> {
        let HashedSetup { presented, account } = hashed;
        let PreparedAccount { user, digest } = account;
        let event = event(use_cases, EventOutcome::Success, context).of(user.id);
        let stored = use_cases.store.transaction(|repos| {
            // The token may have been used or replaced while the password was hashed.
            if !opens(&presented, repos.setup().state()?) || !repos.setup().complete(context.now)? {
                return Err(CompleteSetupError::Closed);
            }
            // Rolled back when the address is taken: setup stays open.
            repos
                .users()
                .insert(&user, &digest)?
                .into_result()
                .map_err(|EmailTaken| CompleteSetupError::EmailTaken)?;
            note_owner(repos, use_cases.attempt_keys, user.email.canonical(), context)?;
            Ok(repos.events().append(&event)?)
        });
        match stored {
            Ok(()) => Ok(user),
            Err(error @ (CompleteSetupError::Closed | CompleteSetupError::EmailTaken)) => {
                refuse(use_cases, error, context)
            }
            Err(error) => Err(error),
        }
    }
}

/// Records that setup was refused. In a separate transaction, because the failed one was rolled back.
fn refuse<T>(
    use_cases: UseCases<'_>,
    error: CompleteSetupError,
    context: &RequestContext,
) -> Result<T, CompleteSetupError> {
    let event = event(use_cases, EventOutcome::Failure, context);
    use_cases.store.transaction(|repos| -> StoreResult<()> {
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

fn event(use_cases: UseCases<'_>, outcome: EventOutcome, context: &RequestContext) -> Event {
    Event::new(EventKind::SetupCompleted, outcome, context, use_cases.entropy)
}

/// Whether the token with this digest is valid.
fn opens(presented: &[u8; 32], state: SetupState) -> bool {
    state.completed_at.is_none() && state.token_digest.as_ref() == Some(presented)
}
