//! Creation of accounts by administrators and operators.

use doorward_domain::access::{Granted, ManageUsers};
use doorward_domain::account::{EmailTaken, Roles, User};
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::outcome::Outcome;
use doorward_domain::password::HashError;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::validation::Invalid;

use crate::account::new_account::{MadeBy, PreparedAccount, insert};
use crate::account::shared::{parse_roles, role_list};
use crate::{AccountCreation, AccountDraft, Administrator, UseCases};

/// Why no account was created.
#[derive(Debug, thiserror::Error)]
pub enum CreateUserError {
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

/// Creates an account on behalf of an administrator.
pub struct CreateUser {
    /// The administrator.
    pub admin: Granted<ManageUsers>,
    /// The account.
    pub draft: AccountDraft,
    /// The roles; `user` if none are given.
    pub roles: Option<Vec<String>>,
}

/// A checked account with a hashed password, not stored yet.
pub struct HashedUser(PreparedAccount);

impl AccountCreation for CreateUser {
    type Found = ();
    type Hashed = HashedUser;
    type Error = CreateUserError;

    fn look(&self, _: UseCases<'_>, _: &RequestContext) -> Result<(), CreateUserError> {
        Ok(())
    }

    fn hash(
        &self,
        use_cases: UseCases<'_>,
        (): (),
        context: &RequestContext,
    ) -> Result<HashedUser, CreateUserError> {
        let roles = self
            .roles
            .as_deref()
            .map_or_else(|| Ok(Roles::user()), parse_roles);
        // All violations are returned at once, as for a registration.
        let roles = roles.map_err(|of_roles| match use_cases.account_rules().check(&self.draft) {
            Ok(_) => of_roles,
            Err(of_draft) => of_draft.and(of_roles),
        })?;
        hash(use_cases, &self.draft, roles, context)
    }

    fn complete(
        &self,
        use_cases: UseCases<'_>,
        hashed: HashedUser,
        context: &RequestContext,
    ) -> Result<User, CreateUserError> {
        store(use_cases, hashed, &Administrator::Granted(&self.admin), context)
    }
}

/// Creates an account on behalf of the operator, who has access to the host and needs no permission.
pub struct CreateUserAsOperator {
    /// The account.
    pub draft: AccountDraft,
    /// The roles, as typed.
    pub roles: Roles,
}

impl AccountCreation for CreateUserAsOperator {
    type Found = ();
    type Hashed = HashedUser;
    type Error = CreateUserError;

    fn look(&self, _: UseCases<'_>, _: &RequestContext) -> Result<(), CreateUserError> {
        Ok(())
    }

    fn hash(
        &self,
        use_cases: UseCases<'_>,
        (): (),
        context: &RequestContext,
    ) -> Result<HashedUser, CreateUserError> {
        hash(use_cases, &self.draft, self.roles.clone(), context)
    }

    fn complete(
        &self,
        use_cases: UseCases<'_>,
        hashed: HashedUser,
        context: &RequestContext,
    ) -> Result<User, CreateUserError> {
        store(use_cases, hashed, &Administrator::Operator, context)
    }
}

fn hash(
    use_cases: UseCases<'_>,
    draft: &AccountDraft,
    granted: Roles,
    context: &RequestContext,
) -> Result<HashedUser, CreateUserError> {
    let rules = use_cases.account_rules();
    let checked = rules.check(draft)?;
    Ok(HashedUser(rules.build(
        &checked,
        granted,
        MadeBy::Trusted,
        context.now,
    )?))
}

/// Stores the account. The first administrator completes setup, also when created here.
fn store(
    use_cases: UseCases<'_>,
    HashedUser(account): HashedUser,
    admin: &Administrator<'_, ManageUsers>,
    context: &RequestContext,
) -> Result<User, CreateUserError> {
    let user = &account.user;
    let new_event = |kind, outcome| Event::new(kind, outcome, context, use_cases.entropy);
    let event = |outcome| {
        let event = admin.sign(new_event(EventKind::UserCreated, outcome));
        match outcome {
            EventOutcome::Success => event.of(user.id).with("roles", role_list(&user.roles)),
            EventOutcome::Failure => event,
        }
    };
    let closed = new_event(EventKind::SetupCompleted, EventOutcome::Success).of(user.id);
    use_cases
        .store
        .transaction(|repos| -> StoreResult<_> {
            let inserted = insert(repos, &account, event)?;
            if inserted == Outcome::Done(())
                && user.is_active_admin()
                && repos.setup().complete(context.now)?
            {
                repos.events().append(&closed)?;
            }
            Ok(inserted)
        })?
        .into_result()
        .map_err(|EmailTaken| CreateUserError::EmailTaken)?;
    Ok(account.user)
}
