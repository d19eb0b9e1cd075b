//! Making an account for somebody else.

use doorward_domain::access::{Granted, ManageUsers};
use doorward_domain::account::Insertion;
use doorward_domain::account::Roles;
use doorward_domain::account::User;
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::password::HashError;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;
use doorward_domain::validation::Invalid;

use crate::account::new_account::{NewAccount, parse_roles, remember_taken};
use crate::{AccountDraft, AccountRules};

/// Why there is no new account.
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

/// Makes an account on behalf of an administrator.
pub struct CreateUser<'a> {
    /// Where the account is kept.
    pub store: &'a dyn UnitOfWork,
    /// What it is held to.
    pub rules: AccountRules<'a>,
}

/// An account for somebody else, the password hashed.
pub struct HashedUser(NewAccount);

impl CreateUser<'_> {
    /// Makes the account; without `roles` it is a `user`. All phases in a row.
    pub fn execute(
        &self,
        admin: &Granted<ManageUsers>,
        draft: &AccountDraft,
        roles: Option<&[String]>,
        context: &RequestContext,
    ) -> Result<User, CreateUserError> {
        let hashed = self.hash(draft, roles, context)?;
        self.complete(admin, hashed, context)
    }

    /// Checks the draft and hashes the password. Asks no store.
    pub fn hash(
        &self,
        draft: &AccountDraft,
        roles: Option<&[String]>,
        context: &RequestContext,
    ) -> Result<HashedUser, CreateUserError> {
        let roles = roles.map_or_else(|| Ok(Roles::user()), parse_roles);
        // Everything that is wrong is told at once, as it is to whoever registers.
        let roles = roles.map_err(|of_roles| match self.rules.check(draft) {
            Ok(_) => of_roles,
            Err(of_draft) => of_draft.and(of_roles),
        })?;
        hash(self.rules, draft, roles, context).map(HashedUser)
    }

    /// Keeps the account.
    pub fn complete(
        &self,
        admin: &Granted<ManageUsers>,
        hashed: HashedUser,
        context: &RequestContext,
    ) -> Result<User, CreateUserError> {
        let event = Event::new(
            EventKind::UserCreated,
            EventOutcome::Success,
            context,
            self.rules.entropy,
        )
        .by(admin.principal().user_id());
        keep(self.store, self.rules.entropy, hashed.0, event, context)
    }
}

/// Makes an account on behalf of the operator, who has the machine and needs no permission.
pub struct CreateUserAsOperator<'a> {
    /// Where the account is kept.
    pub store: &'a dyn UnitOfWork,
    /// What it is held to.
    pub rules: AccountRules<'a>,
}

impl CreateUserAsOperator<'_> {
    /// Makes the account with these roles. If it is an administrator, setup is closed.
    pub fn execute(
        &self,
        draft: &AccountDraft,
        roles: Roles,
        context: &RequestContext,
    ) -> Result<User, CreateUserError> {
        let event = Event::new(
            EventKind::UserCreated,
            EventOutcome::Success,
            context,
            self.rules.entropy,
        )
        .with("by", "operator");
        keep(
            self.store,
            self.rules.entropy,
            hash(self.rules, draft, roles, context)?,
            event,
            context,
        )
    }
}

fn hash(
    rules: AccountRules<'_>,
    draft: &AccountDraft,
    granted: Roles,
    context: &RequestContext,
) -> Result<NewAccount, CreateUserError> {
    let checked = rules.check(draft)?;
    Ok(rules.build(&checked, granted, context.now)?)
}

fn keep(
    store: &dyn UnitOfWork,
    entropy: &dyn Entropy,
    account: NewAccount,
    event: Event,
    context: &RequestContext,
) -> Result<User, CreateUserError> {
    let NewAccount { user, digest } = account;
    let refused = Event {
        outcome: EventOutcome::Failure,
        ..event.clone()
    };
    let created = event.of(user.id).with("roles", listed(&user.roles));
    let closed = Event::new(EventKind::SetupCompleted, EventOutcome::Success, context, entropy).of(user.id);
    let insertion = store.transaction(|repos| -> Result<_, StoreError> {
        let insertion = repos.users().insert(&user, &digest)?;
        if insertion == Insertion::EmailTaken {
            remember_taken(repos, &user.email, refused.clone())?;
            return Ok(insertion);
        }
        repos.events().append(&created)?;
        if user.is_active_admin() && repos.setup().complete(context.now)? {
            // Whoever makes it: the first administrator closes setup.
            repos.events().append(&closed)?;
        }
        Ok(insertion)
    })?;
    match insertion {
        Insertion::Done => Ok(user),
        Insertion::EmailTaken => Err(CreateUserError::EmailTaken),
    }
}

/// Roles as an event tells them.
pub(crate) fn listed(roles: &Roles) -> String {
    roles
        .iter()
        .map(doorward_domain::account::Role::as_str)
        .collect::<Vec<_>>()
        .join(" ")
}
