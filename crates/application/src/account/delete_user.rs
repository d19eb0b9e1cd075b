//! Deletion of accounts by administrators.

use doorward_domain::access::ManageUsers;
use doorward_domain::attempt::AttemptKeys;
use doorward_domain::audit::{Event, EventKind};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::UserId;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;

use crate::Administrator;
use crate::account::shared::{LastAdmin, delete};

/// Deletes an account and its sessions.
pub struct DeleteUser<'a> {
    /// Stores the accounts.
    pub store: &'a dyn UnitOfWork,
    /// Derives the keys of the account's known networks.
    pub attempt_keys: &'a dyn AttemptKeys,
    /// Generates the ids of audit events.
    pub entropy: &'a dyn Entropy,
}

/// Why no account was deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteUserError {
    /// The user does not exist.
    #[error("user not found")]
    NotFound,
    /// The deletion would leave no active administrator.
    #[error("this is the last active administrator")]
    LastAdmin,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DeleteUser<'_> {
    /// Deletes the account. Its audit events remain and refer to its id.
    pub fn execute<'b>(
        &self,
        admin: impl Into<Administrator<'b, ManageUsers>>,
        id: UserId,
        context: &RequestContext,
    ) -> Result<(), DeleteUserError> {
        let admin = admin.into();
        let event = |outcome| {
            admin
                .sign(Event::new(EventKind::UserDeleted, outcome, context, self.entropy))
                .of(id)
        };
        self.store
            .transaction(|repos| -> Result<_, DeleteUserError> {
                let user = repos.users().lock(id)?.ok_or(DeleteUserError::NotFound)?;
                Ok(delete(repos, self.attempt_keys, &user, event)?)
            })?
            .into_result()
            .map_err(|LastAdmin| DeleteUserError::LastAdmin)
    }
}
