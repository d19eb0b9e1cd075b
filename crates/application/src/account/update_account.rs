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
    /// Where accounts are kept.
    pub store: &'a dyn UnitOfWork,
    /// Makes the ids of events.
    pub entropy: &'a dyn Entropy,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateAccountError {
    /// The change breaks rules.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The account has been deleted or disabled since the token was issued.
    #[error("the account is gone")]
    Gone,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl UpdateAccount<'_> {
    /// Gives the caller another name, or none. Answers the account as it is.
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
