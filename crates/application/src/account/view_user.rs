//! Viewing an account.

use doorward_domain::access::{GrantedOn, GrantedUser, ManageOwnAccount, ReadUser};
use doorward_domain::account::User;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;

/// Why no account is returned.
#[derive(Debug, thiserror::Error)]
pub enum ViewUserError {
    /// The user does not exist; for one's own account, it was deleted or disabled.
    #[error("user not found")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Returns an account to a principal that may read that user.
pub struct ViewUser<'a> {
    /// Stores the accounts.
    pub store: &'a dyn UnitOfWork,
}

impl ViewUser<'_> {
    /// The account that the proof refers to.
    pub fn execute(&self, reader: &GrantedOn<ReadUser>) -> Result<User, ViewUserError> {
        let id = reader.owner().ok_or(ViewUserError::NotFound)?;
        let found = self.store.single_read(|repos| repos.users().find(id))?;
        found.ok_or(ViewUserError::NotFound)
    }
}

/// Returns the caller's own account.
pub struct ViewAccount<'a> {
    /// Stores the accounts.
    pub store: &'a dyn UnitOfWork,
}

impl ViewAccount<'_> {
    /// The caller's account. One that has been deleted or disabled since the token was issued is not found.
    pub fn execute(&self, caller: &GrantedUser<ManageOwnAccount>) -> Result<User, ViewUserError> {
        let id = caller.user_id();
        let found = self.store.single_read(|repos| repos.users().find(id))?;
        found.filter(User::is_active).ok_or(ViewUserError::NotFound)
    }
}
