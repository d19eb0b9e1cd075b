//! The ports for stored attempts and for the known networks of owners.

use crate::store_error::StoreResult;
use crate::time::Timestamp;

use super::{AttemptKey, AttemptRecord};

/// Stored attempt records. A key identifies an account, or an account and a network.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait AttemptRepository {
    /// The record under that key, unlocked: it may change at any time. A decision that is stored needs the
    /// [lock](Self::lock).
    fn find(&mut self, key: &AttemptKey) -> StoreResult<Option<AttemptRecord>>;

    /// The record under that key, locked against other transactions until this one ends.
    ///
    /// MUST serialise on the key whether or not a record exists: of two concurrent first attempts, at most one finds no
    /// record. Only in a writing transaction.
    fn lock(&mut self, key: &AttemptKey) -> StoreResult<Option<AttemptRecord>>;

    /// Stores the record, replacing any under that key.
    fn put(&mut self, key: &AttemptKey, record: &AttemptRecord) -> StoreResult<()>;

    /// Deletes the record, if it exists.
    fn forget(&mut self, key: &AttemptKey) -> StoreResult<()>;

    /// Deletes up to `limit` records whose latest attempt was before `before`. Returns how many.
    ///
    /// Deletes the oldest first. The cost MUST NOT grow with the number of rows that stay, and concurrent calls, also of other
    /// instances, MUST NOT wait for each other for long.
    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
}

/// Known networks: the exact addresses and networks from which the owners of accounts have registered or logged in. Networks
/// and accounts are stored as keys only.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait NetworkRepository {
    /// The latest stored login of the owner from each of these networks, in their order; `None` from an unknown one.
    fn last_logins(&mut self, networks: &[AttemptKey]) -> StoreResult<Vec<Option<Timestamp>>>;

    /// Stores a login of the owner from each of these networks at its time, replacing earlier ones. No network is given twice.
    fn note(&mut self, logins: &[(AttemptKey, Timestamp)], account: &AttemptKey) -> StoreResult<()>;

    /// The known networks of an account, the latest login first.
    fn list(&mut self, account: &AttemptKey) -> StoreResult<Vec<AttemptKey>>;

    /// Deletes the known networks of an account except the `keep` with the latest logins.
    ///
    /// To be called, as [`note`](Self::note), while the account is [locked](crate::account::UserRepository::lock).
    fn keep(&mut self, account: &AttemptKey, keep: u32) -> StoreResult<()>;

    /// Deletes up to `limit` networks whose latest login was before `before`. Returns how many.
    ///
    /// Deletes the oldest first. The cost MUST NOT grow with the number of rows that stay, and concurrent calls, also of other
    /// instances, MUST NOT wait for each other for long.
    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
}
