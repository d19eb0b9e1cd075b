//! Registration.

use doorward_domain::account::{Email, EmailTaken, RegistrationMode, Roles, User};
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::outcome::Outcome;
use doorward_domain::password::HashError;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::validation::Invalid;

use crate::account::new_account::{MadeBy, PreparedAccount, insert, record_taken};
use crate::attempt::budget::note_owner;
use crate::{AccountCreation, AccountDraft, UseCases};

/// Creates an account with the role `user`, unless registration is closed. Requires no authentication.
pub struct Register(pub AccountDraft);

/// Why no account was created.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Registration is closed.
    #[error("registration is closed")]
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

/// Whether the address belonged to an account when it was read.
pub struct IsTaken(bool);

/// A checked account with a hashed password; or the address, if it is taken.
pub struct HashedRegistration(Result<PreparedAccount, Email>);

impl AccountCreation for Register {
    type Found = IsTaken;
    type Hashed = HashedRegistration;
    type Error = RegisterError;

    /// Refuses when registration is closed. Looks the address up, so that no password is hashed for an address that is taken.
    fn look(&self, use_cases: UseCases<'_>, _: &RequestContext) -> Result<IsTaken, RegisterError> {
        if use_cases.policies.registration == RegistrationMode::Closed {
            return Err(RegisterError::Closed);
        }
        // A malformed address is reported later, together with all other violations.
        Ok(IsTaken(match Email::parse(&self.0.email) {
            Ok(email) => use_cases
                .store
                .snapshot(|repos| -> StoreResult<_> {
                    repos.users().find_credentials_by_email(email.canonical())
                })?
                .is_some(),
            Err(_) => false,
        }))
    }

    fn hash(
        &self,
        use_cases: UseCases<'_>,
        IsTaken(is_taken): IsTaken,
        context: &RequestContext,
    ) -> Result<HashedRegistration, RegisterError> {
        let rules = use_cases.account_rules();
        let checked = rules.check(&self.0)?;
        if is_taken {
            return Ok(HashedRegistration(Err(checked.email)));
        }
        let account = rules.build(&checked, Roles::user(), MadeBy::Anybody, context.now)?;
        Ok(HashedRegistration(Ok(account)))
    }

    fn complete(
        &self,
        use_cases: UseCases<'_>,
        hashed: HashedRegistration,
        context: &RequestContext,
    ) -> Result<User, RegisterError> {
        let event = |outcome| Event::new(EventKind::UserRegistered, outcome, context, use_cases.entropy);
        let account = match hashed.0 {
            Ok(account) => account,
            Err(taken) => {
                use_cases.store.transaction(|repos| -> StoreResult<()> {
                    record_taken(repos, &taken, event(EventOutcome::Failure))
                })?;
                return Err(RegisterError::EmailTaken);
            }
        };
        let event = |outcome| match outcome {
            EventOutcome::Success => event(outcome).of(account.user.id),
            EventOutcome::Failure => event(outcome),
        };
        use_cases
            .store
            .transaction(|repos| -> StoreResult<_> {
                let inserted = insert(repos, &account, event)?;
                if inserted == Outcome::Done(()) {
                    let email = account.user.email.canonical();
                    note_owner(repos, use_cases.attempt_keys, email, context)?;
                }
                Ok(inserted)
            })?
            .into_result()
            .map_err(|EmailTaken| RegisterError::EmailTaken)?;
        Ok(account.user)
    }
}
