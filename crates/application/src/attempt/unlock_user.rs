//! Forgiving an account its failed attempts.

use doorward_domain::access::{Granted, ManageUsers};
use doorward_domain::attempt::AttemptKeys;
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::UserId;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;

/// Forgets the failed attempts at an account, wherever they came from, on behalf of an administrator.
pub struct UnlockUser<'a> {
    /// Where accounts and attempts are kept.
    pub store: &'a dyn UnitOfWork,
    /// Names accounts in the table of attempts.
    pub attempt_keys: &'a dyn AttemptKeys,
    /// Makes the ids of events.
    pub entropy: &'a dyn Entropy,
}

/// Why nothing was forgiven.
#[derive(Debug, thiserror::Error)]
pub enum UnlockUserError {
    /// There is no such user.
    #[error("there is no such user")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl UnlockUser<'_> {
    /// Forgets them.
    pub fn execute(
        &self,
        admin: &Granted<ManageUsers>,
        id: UserId,
        context: &RequestContext,
    ) -> Result<(), UnlockUserError> {
        let event = Event::new(
            EventKind::UserUnlocked,
            EventOutcome::Success,
            context,
            self.entropy,
        )
        .of(id)
        .by(admin.principal().subject().clone());
        self.store.transaction(|repos| {
            let user = repos.users().find(id)?.ok_or(UnlockUserError::NotFound)?;
            let account = self.attempt_keys.attempt_key(user.email.canonical());
            let mut keys = vec![account];
            keys.extend(repos.networks().list(&account)?);
            for key in keys {
                // Locked, so that a guess that is being counted does not write back what is forgotten here.
                repos.attempts().lock(&key)?;
                repos.attempts().forget(&key)?;
            }
            Ok(repos.events().append(&event)?)
        })
    }
}
