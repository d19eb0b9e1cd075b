//! Seeing who there is.

use doorward_domain::access::{Granted, ReadUsers};
use doorward_domain::account::User;
use doorward_domain::account::UserFilter;
use doorward_domain::id::UserId;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::{StoreError, StoreResult};

/// One page of accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPage {
    /// The accounts, in the order in which they were made.
    pub users: Vec<User>,
    /// After which account the next page begins; `None` on the last page.
    pub next: Option<UserId>,
}

/// Lists accounts, on behalf of an administrator.
pub struct ListUsers<'a> {
    /// Where accounts are kept.
    pub store: &'a dyn UnitOfWork,
}

impl ListUsers<'_> {
    /// Up to `limit` accounts that match, after the account `after`.
    pub fn execute(
        &self,
        _admin: &Granted<ReadUsers>,
        filter: &UserFilter,
        after: Option<UserId>,
        limit: u32,
    ) -> StoreResult<UserPage> {
        let mut users = self.store.snapshot(|repos| -> Result<_, StoreError> {
            repos.users().page(filter, after, limit.saturating_add(1))
        })?;
        // One more than asked for tells whether there is a next page.
        let full = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = users.len() > full;
        users.truncate(full);
        let next = users.last().filter(|_| more).map(|user| user.id);
        Ok(UserPage { users, next })
    }
}
