//! Changing one's own account.

use crate::access::{Granted, ManageOwnAccount};
use crate::audit::{Event, EventKind, EventOutcome, Occasion};
use crate::change::Change;
use crate::identity::User;
use crate::ports::{Entropy, StoreError, Transactions, UnitOfWork};
use crate::validation::Invalid;

use super::new_account::parse_name_change;

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
        caller: &Granted<ManageOwnAccount>,
        name: Change<Option<&str>>,
        occasion: &Occasion,
    ) -> Result<User, UpdateAccountError> {
        let name = parse_name_change(name)?;
        let id = caller.principal().user_id();
        self.store.transaction(|repos| {
            let mut user = repos
                .users()
                .lock(id)?
                .filter(User::is_active)
                .ok_or(UpdateAccountError::Gone)?;
            if name.clone().apply(|name| user.set_name(name, occasion.now)) {
                repos.users().update(&user)?;
                let event = Event::new(
                    EventKind::UserUpdated,
                    EventOutcome::Success,
                    occasion,
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
