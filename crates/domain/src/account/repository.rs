//! What is kept of accounts.

use crate::account::{CanonicalEmail, Credentials, PasswordDigest, PasswordVersion, Role, User, UserStatus};
use crate::id::UserId;
use crate::outcome::Outcome;
use crate::store_error::StoreResult;

/// The canonical e-mail address belongs to another account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the e-mail address is taken")]
pub struct EmailTaken;

/// Which users to list. Every condition given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFilter {
    /// The account with this address.
    pub email: Option<CanonicalEmail>,
    /// Accounts with this role.
    pub role: Option<Role>,
    /// Accounts with this status.
    pub status: Option<UserStatus>,
}

/// Accounts.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait UserRepository {
    /// Keeps a new account with its first password.
    ///
    /// MUST return [`EmailTaken`] when the canonical address is taken, also when another transaction takes it
    /// at the same time, and MUST leave the transaction usable then.
    fn insert(&mut self, user: &User, digest: &PasswordDigest) -> StoreResult<Outcome<(), EmailTaken>>;

    /// The account of that id.
    fn find(&mut self, id: UserId) -> StoreResult<Option<User>>;

    /// The account of that id, kept from being changed by others until the transaction ends.
    ///
    /// MUST wait for transactions that hold it, and then answer what they left. Only in a writing transaction.
    fn lock(&mut self, id: UserId) -> StoreResult<Option<User>>;

    /// The id of the account with that address. It costs as little as finding that there is none.
    fn id_of(&mut self, email: &CanonicalEmail) -> StoreResult<Option<UserId>>;

    /// The account with that address, and its password's digest.
    fn find_credentials_by_email(&mut self, email: &CanonicalEmail) -> StoreResult<Option<Credentials>>;

    /// The account of that id, and its password's digest.
    fn find_credentials(&mut self, id: UserId) -> StoreResult<Option<Credentials>>;

    /// The version of the account's password. `None` when there is no such account.
    fn password_version(&mut self, id: UserId) -> StoreResult<Option<PasswordVersion>>;

    /// Writes name, roles, status, version and time of change of an account that was [locked](Self::lock). MUST leave
    /// address, password and time of creation alone. Answers whether there is such an account.
    fn update(&mut self, user: &User) -> StoreResult<bool>;

    /// Replaces the digest of a password, on condition that the password's version is still `expected`; `version` is the
    /// version from now on (the same for a re-hashing, the next for a change). Answers whether it was replaced.
    fn set_digest(
        &mut self,
        id: UserId,
        digest: &PasswordDigest,
        expected: PasswordVersion,
        version: PasswordVersion,
    ) -> StoreResult<bool>;

    /// Deletes an account with its roles and sessions. Answers whether there was one.
    fn delete(&mut self, id: UserId) -> StoreResult<bool>;

    /// Counts the active administrators.
    ///
    /// MUST serialise: of all transactions that call it, at most one is under way, so that two administrators cannot
    /// each see the other and both leave; and it sees what the one before has left. To be called *after* the user concerned
    /// was [locked](Self::lock), never before: one order keeps two transactions from waiting for each other. Only in a
    /// writing transaction.
    fn count_active_admins(&mut self) -> StoreResult<u64>;

    /// Up to `limit` accounts in order of id, after the account `after`.
    ///
    /// The cost MUST NOT grow with the number of accounts before the page.
    fn page(&mut self, filter: &UserFilter, after: Option<UserId>, limit: u32) -> StoreResult<Vec<User>>;
}
