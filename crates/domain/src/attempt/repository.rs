//! What is kept of attempts, and of the networks that owners log in from.

use crate::store_error::StoreResult;
use crate::time::Timestamp;

use super::{AttemptKey, AttemptRecord};

/// Guesses at accounts. A key names an account, or an account as seen from a network.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait AttemptRepository {
    /// What is remembered under a key now. It may be another a moment later: what is decided for good needs the
    /// [lock](Self::lock).
    fn find(&mut self, key: &AttemptKey) -> StoreResult<Option<AttemptRecord>>;

    /// What is remembered under a key, kept from others until the transaction ends.
    ///
    /// MUST serialise on the key whether or not there is a record: two first guesses at once must not both find nothing.
    /// Only in a writing transaction.
    fn lock(&mut self, key: &AttemptKey) -> StoreResult<Option<AttemptRecord>>;

    /// Remembers, replacing what was remembered.
    fn put(&mut self, key: &AttemptKey, record: &AttemptRecord) -> StoreResult<()>;

    /// Forgets.
    fn forget(&mut self, key: &AttemptKey) -> StoreResult<()>;

    /// Deletes up to `limit` records whose latest attempt was before `before`. Returns how many.
    ///
    /// The oldest go first. The cost MUST NOT grow with the number of rows that stay, and instances that do it at once MUST NOT
    /// wait for each other for long.
    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
}

/// The networks from which the owners of accounts have logged in. Networks and accounts are named by their keys alone.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait NetworkRepository {
    /// When the owner was last noted to have logged in from that network.
    fn last_login(&mut self, network: &AttemptKey) -> StoreResult<Option<Timestamp>>;

    /// Notes a login from that network, in place of an earlier one.
    fn note(&mut self, network: &AttemptKey, account: &AttemptKey, now: Timestamp) -> StoreResult<()>;

    /// The networks of an account, the latest login first.
    fn list(&mut self, account: &AttemptKey) -> StoreResult<Vec<AttemptKey>>;

    /// Forgets the networks of an account, but for the `keep` with the latest logins.
    ///
    /// To be called, as [`note`](Self::note), while the account is [locked](crate::account::UserRepository::lock).
    fn keep(&mut self, account: &AttemptKey, keep: u32) -> StoreResult<()>;

    /// Deletes up to `limit` networks whose latest login was before `before`. Returns how many.
    ///
    /// The oldest go first. The cost MUST NOT grow with the number of rows that stay, and instances that do it at once MUST NOT
    /// wait for each other for long.
    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
}
