//! Seeing an account.

use doorward_domain::access::{GrantedOn, GrantedUser, ManageOwnAccount, ReadUser};
use doorward_domain::account::User;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;

/// Why there is nothing to see.
#[derive(Debug, thiserror::Error)]
pub enum ViewUserError {
    /// There is no such user; for one's own account, not any more.
    #[error("there is no such user")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Shows an account to whoever may read that user.
pub struct ViewUser<'a> {
    /// Where accounts are kept.
    pub store: &'a dyn UnitOfWork,
}

impl ViewUser<'_> {
    /// The account the permission is about.
    pub fn execute(&self, reader: &GrantedOn<ReadUser>) -> Result<User, ViewUserError> {
        let id = reader.owner().ok_or(ViewUserError::NotFound)?;
        self.store
            .snapshot(|repos| repos.users().find(id)?.ok_or(ViewUserError::NotFound))
    }
}

/// Shows the caller's own account.
pub struct ViewAccount<'a> {
    /// Where accounts are kept.
    pub store: &'a dyn UnitOfWork,
}

impl ViewAccount<'_> {
    /// The caller's account. One that has been deleted or disabled since the token was issued is not found.
    pub fn execute(&self, caller: &GrantedUser<ManageOwnAccount>) -> Result<User, ViewUserError> {
        let id = caller.user_id();
        self.store.snapshot(|repos| {
            repos
                .users()
                .find(id)?
                .filter(User::is_active)
                .ok_or(ViewUserError::NotFound)
        })
    }
}
