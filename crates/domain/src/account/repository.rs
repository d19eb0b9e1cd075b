//! The port for stored accounts.

use crate::account::{CanonicalEmail, Credentials, PasswordDigest, PasswordVersion, Role, User, UserStatus};
use crate::id::UserId;
use crate::outcome::Outcome;
use crate::store_error::StoreResult;

/// The canonical e-mail address belongs to another account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the e-mail address is taken")]
pub struct EmailTaken;

/// Conditions on the users of a list. A user must meet all that are set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFilter {
    /// Only the account with this address.
    pub email: Option<CanonicalEmail>,
    /// Only accounts with this role.
    pub role: Option<Role>,
    /// Only accounts with this status.
    pub status: Option<UserStatus>,
}

/// Stored accounts with their roles and password digests.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait UserRepository {
    /// Stores a new account with the digest of its first password.
    ///
    /// MUST return [`EmailTaken`] when the canonical address is taken, also when another transaction takes it
    /// at the same time, and MUST leave the transaction usable then.
    fn insert(&mut self, user: &User, digest: &PasswordDigest) -> StoreResult<Outcome<(), EmailTaken>>;

    /// The account with that id. A single statement.
    fn find(&mut self, id: UserId) -> StoreResult<Option<User>>;

    /// The account with that id, locked against changes by other transactions until this one ends.
    ///
    /// MUST wait for transactions that hold the lock, and then return what they committed. Only in a writing transaction.
    fn lock(&mut self, id: UserId) -> StoreResult<Option<User>>;

    /// Locks the account as [`lock`](Self::lock) does, and returns whether it and the version of its password are still as they
    /// were read before. Cheaper than reading them again.
    fn lock_unchanged(&mut self, known: &Credentials) -> StoreResult<bool>;

    /// The id of the account with that address. The cost is the same when there is none.
    fn id_of(&mut self, email: &CanonicalEmail) -> StoreResult<Option<UserId>>;

    /// The account with that address, and the digest of its password. A single statement.
    fn find_credentials_by_email(&mut self, email: &CanonicalEmail) -> StoreResult<Option<Credentials>>;

    /// The account with that id, and the digest of its password. A single statement.
    fn find_credentials(&mut self, id: UserId) -> StoreResult<Option<Credentials>>;

    /// The version of the account's password. `None` when there is no such account.
    fn password_version(&mut self, id: UserId) -> StoreResult<Option<PasswordVersion>>;

    /// Stores name, roles, status, version and time of change of an account that was [locked](Self::lock). MUST leave
    /// address, its proof, password and time of creation alone. Returns whether the account exists.
    fn update(&mut self, user: &User) -> StoreResult<bool>;

    /// Replaces the digest of a password, on condition that the password's version is still `expected`; `version` is the
    /// version from now on (the same for a re-hashing, the next for a change). Returns whether it was replaced.
    fn set_digest(
        &mut self,
        id: UserId,
        digest: &PasswordDigest,
        expected: PasswordVersion,
        version: PasswordVersion,
    ) -> StoreResult<bool>;

    /// Deletes an account with its roles and sessions. Returns whether it existed.
    fn delete(&mut self, id: UserId) -> StoreResult<bool>;

    /// Counts the active administrators.
    ///
    /// MUST serialise its callers: at most one transaction that has called it is open at a time, and it sees what the one
    /// before committed. Otherwise two administrators could each see the other as active, and both resign. To be called
    /// *after* the user concerned was [locked](Self::lock), never before: one order prevents deadlocks. Only in a writing
    /// transaction.
    fn count_active_admins(&mut self) -> StoreResult<u64>;

    /// Up to `limit` accounts in order of id, after the account `after`.
    ///
    /// The cost MUST NOT grow with the number of accounts before the page.
    fn page(&mut self, filter: &UserFilter, after: Option<UserId>, limit: u32) -> StoreResult<Vec<User>>;
}
