//! Changing one's own account.

use doorward_domain::access::{GrantedUser, ManageOwnAccount};
use doorward_domain::account::User;
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::patch::Patch;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;
use doorward_domain::validation::Invalid;

use crate::account::shared::parse_name_change;

/// Changes the caller's own account.
pub struct UpdateAccount<'a> {
    /// Stores the accounts.
    pub store: &'a dyn UnitOfWork,
    /// Generates the ids of audit events.
    pub entropy: &'a dyn Entropy,
}

/// Why the account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateAccountError {
    /// The change breaks rules.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The account has been deleted or disabled since the token was issued.
    #[error("the account no longer exists or is disabled")]
    Gone,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl UpdateAccount<'_> {
    /// Sets or removes the caller's display name. Returns the updated account.
    pub fn execute(
        &self,
        caller: &GrantedUser<ManageOwnAccount>,
        name: Patch<Option<&str>>,
        context: &RequestContext,
    ) -> Result<User, UpdateAccountError> {
        let name = parse_name_change(name)?;
        let id = caller.user_id();
        self.store.transaction(|repos| {
            let mut user = repos
                .users()
                .lock(id)?
                .filter(User::is_active)
                .ok_or(UpdateAccountError::Gone)?;
            if name.clone().apply(|name| user.set_name(name, context.now)) {
                repos.users().update(&user)?;
                let event = Event::new(
                    EventKind::UserUpdated,
                    EventOutcome::Success,
                    context,
                    self.entropy,
                )
                .of(id)
                .by(id);
                repos.events().append(&event)?;
            }
            Ok(user)
        })
    }
}
