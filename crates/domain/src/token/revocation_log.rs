//! The port for stored revocations.

use crate::store_error::StoreResult;
use crate::time::Timestamp;

use super::{Revocation, Revoked};

/// The stored log of revocations.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait RevocationLog {
    /// Adds an entry for each, in order. To be called as the last write of a transaction except its audit events: it blocks
    /// other callers until the transaction ends.
    ///
    /// MUST number entries so that once an entry is visible, no entry with a smaller number becomes visible: a reader that
    /// continues after the greatest number seen misses nothing.
    fn append(&mut self, revoked: &[Revoked], now: Timestamp) -> StoreResult<()>;

    /// Up to `limit` entries with a number greater than `number`, in the order of their numbers.
    fn after(&mut self, number: u64, limit: u32) -> StoreResult<Vec<Revocation>>;

    /// Deletes up to `limit` entries from before `before`. Returns how many. MUST NOT reuse their numbers for later entries.
    ///
    /// Deletes the oldest first. The cost MUST NOT grow with the number of rows that stay, and concurrent calls, also of other
    /// instances, MUST NOT wait for each other for long.
    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
}
