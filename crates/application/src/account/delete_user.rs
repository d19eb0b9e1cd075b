//! Deleting somebody else's account.

use doorward_domain::access::{Granted, ManageUsers};
use doorward_domain::attempt::AttemptKeys;
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::UserId;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;

use crate::account::update_user::{is_last_admin, remember_last_admin};
use crate::attempt::budget::forget_networks;
use crate::session::revoke::revoke_all_versions;

/// Deletes an account with its sessions, on behalf of an administrator.
pub struct DeleteUser<'a> {
    /// Where accounts are kept.
    pub store: &'a dyn UnitOfWork,
    /// Names accounts where their networks are kept.
    pub attempt_keys: &'a dyn AttemptKeys,
    /// Makes the ids of events.
    pub entropy: &'a dyn Entropy,
}

/// Why nothing was deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteUserError {
    /// There is no such user.
    #[error("there is no such user")]
    NotFound,
    /// It would leave no active administrator.
    #[error("this is the last active administrator")]
    LastAdmin,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DeleteUser<'_> {
    /// Deletes it. The audit log goes on telling of it, by its id.
    pub fn execute(
        &self,
        admin: &Granted<ManageUsers>,
        id: UserId,
        context: &RequestContext,
    ) -> Result<(), DeleteUserError> {
        let event = |outcome| {
            Event::new(EventKind::UserDeleted, outcome, context, self.entropy)
                .of(id)
                .by(admin.principal().user_id())
        };
        let deleted = self.store.transaction(|repos| -> Result<bool, DeleteUserError> {
            let user = repos.users().lock(id)?.ok_or(DeleteUserError::NotFound)?;
            if user.is_active_admin() && is_last_admin(repos)? {
                remember_last_admin(repos, event(EventOutcome::Failure))?;
                return Ok(false);
            }
            repos.users().delete(id)?;
            forget_networks(repos, self.attempt_keys, user.email.canonical())?;
            repos.events().append(&event(EventOutcome::Success))?;
            revoke_all_versions(repos, &user, context.now)?;
            Ok(true)
        })?;
        if deleted {
            Ok(())
        } else {
            Err(DeleteUserError::LastAdmin)
        }
    }
}
