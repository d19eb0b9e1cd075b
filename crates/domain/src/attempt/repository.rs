//! The ports for stored attempts and for the known networks of owners.

use crate::store_error::StoreResult;
use crate::time::Timestamp;

use super::{AttemptKey, AttemptRecord};

/// What is stored under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttemptState {
    /// The attempts counted under the key.
    pub record: Option<AttemptRecord>,
    /// The latest stored login of the owner, if the key is that of a known network.
    pub last_login: Option<Timestamp>,
}

/// Stored attempt records. A key identifies an account, or an account and a network.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait AttemptRepository {
    /// What is stored under each of these keys, in their order. A single statement.
    fn states(&mut self, keys: &[AttemptKey]) -> StoreResult<Vec<AttemptState>>;

    /// The record under that key. A single statement.
    fn find(&mut self, key: &AttemptKey) -> StoreResult<Option<AttemptRecord>>;

    /// Replaces the record under that key if it is still `before`, and returns whether it was. `None` is the absence of a
    /// record. A single statement.
    ///
    /// MUST be atomic: of all concurrent calls with the same `before`, exactly one returns `true`, also when there is no
    /// record yet. After `false`, the transaction MUST read the record that the other one has stored.
    fn replace<'a>(
        &mut self,
        key: &AttemptKey,
        before: Option<&'a AttemptRecord>,
        after: Option<&'a AttemptRecord>,
    ) -> StoreResult<bool>;

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
