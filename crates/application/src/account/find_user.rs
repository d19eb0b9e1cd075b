//! Finding an account at the command line.

use doorward_domain::account::{Email, User};
use doorward_domain::id::UserId;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;

/// An account as an operator names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserReference {
    /// By its id.
    Id(UserId),
    /// By its e-mail address, in any spelling.
    Email(Email),
}

impl UserReference {
    /// Parses an id or an address; `None` if it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(id) = UserId::parse(text) {
            return Some(Self::Id(id));
        }
        Email::parse(text).map(Self::Email).ok()
    }
}

/// Finds an account on behalf of the operator, who needs no permission.
pub struct FindUser<'a> {
    /// Stores the accounts.
    pub store: &'a dyn UnitOfWork,
}

impl FindUser<'_> {
    /// The account; `None` if there is none.
    pub fn execute(&self, user: &UserReference) -> StoreResult<Option<User>> {
        self.store.snapshot(|repos| match user {
            UserReference::Id(id) => repos.users().find(*id),
            UserReference::Email(email) => match repos.users().id_of(email.canonical())? {
                Some(id) => repos.users().find(id),
                None => Ok(None),
            },
        })
    }
}
