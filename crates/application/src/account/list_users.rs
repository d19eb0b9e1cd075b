//! The list of accounts.

use doorward_domain::access::ReadUsers;
use doorward_domain::account::User;
use doorward_domain::account::UserFilter;
use doorward_domain::id::UserId;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::{StoreError, StoreResult};

use crate::Administrator;

/// One page of accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPage {
    /// The accounts, in order of creation.
    pub users: Vec<User>,
    /// The cursor of the next page: the last account of this one. `None` on the last page.
    pub next: Option<UserId>,
}

/// Lists accounts.
pub struct ListUsers<'a> {
    /// Stores the accounts.
    pub store: &'a dyn UnitOfWork,
}

impl ListUsers<'_> {
    /// Up to `limit` accounts that meet the filter, after the account `after`.
    pub fn execute<'b>(
        &self,
        _admin: impl Into<Administrator<'b, ReadUsers>>,
        filter: &UserFilter,
        after: Option<UserId>,
        limit: u32,
    ) -> StoreResult<UserPage> {
        let mut users = self.store.snapshot(|repos| -> Result<_, StoreError> {
            repos.users().page(filter, after, limit.saturating_add(1))
        })?;
        // One more than `limit` shows whether there is a next page.
        let full = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = users.len() > full;
        users.truncate(full);
        let next = users.last().filter(|_| more).map(|user| user.id);
        Ok(UserPage { users, next })
    }
}
