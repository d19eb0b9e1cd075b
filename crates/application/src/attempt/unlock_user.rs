//! Unlocking accounts after failed attempts.

use doorward_domain::access::ManageUsers;
use doorward_domain::attempt::AttemptKeys;
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::UserId;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;

use crate::Administrator;

/// Deletes the attempt records of an account, for all networks.
pub struct UnlockUser<'a> {
    /// Stores accounts and attempt records.
    pub store: &'a dyn UnitOfWork,
    /// Derives the keys of attempt records.
    pub attempt_keys: &'a dyn AttemptKeys,
    /// Generates the ids of audit events.
    pub entropy: &'a dyn Entropy,
}

/// Why no account was unlocked.
#[derive(Debug, thiserror::Error)]
pub enum UnlockUserError {
    /// The user does not exist.
    #[error("user not found")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl UnlockUser<'_> {
    /// Deletes the records, and records the action in the audit log.
    pub fn execute<'b>(
        &self,
        admin: impl Into<Administrator<'b, ManageUsers>>,
        id: UserId,
        context: &RequestContext,
    ) -> Result<(), UnlockUserError> {
        let event = Event::new(
            EventKind::UserUnlocked,
            EventOutcome::Success,
            context,
            self.entropy,
        )
        .of(id);
        let event = admin.into().sign(event);
        self.store.transaction(|repos| {
            let user = repos.users().find(id)?.ok_or(UnlockUserError::NotFound)?;
            let account = self.attempt_keys.attempt_key(user.email.canonical());
            let mut keys = vec![account];
            keys.extend(repos.networks().list(&account)?);
            for key in keys {
                // An attempt that is being counted finds the record changed, and is decided again.
                repos.attempts().forget(&key)?;
            }
            Ok(repos.events().append(&event)?)
        })
    }
}
