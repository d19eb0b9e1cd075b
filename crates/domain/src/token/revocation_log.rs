//! The port for stored revocations.

use crate::audit::Event;
use crate::id::SessionId;
use crate::session::EndReason;
use crate::store_error::StoreResult;
use crate::time::Timestamp;

use super::{LogPage, LogPosition, Revoked};

/// The stored log of revocations.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait RevocationLog {
    /// Adds an entry for each. Concurrent callers MUST NOT wait for each other's transactions, except for a store that has one
    /// writer.
    fn append(&mut self, revoked: &[Revoked], now: Timestamp) -> StoreResult<()>;

    /// Ends a session at the time of `event`, adds an entry for it, and adds the event to the audit log. Returns `false`, and
    /// changes nothing, if the session does not exist or has ended before: when and why a session ended is never rewritten.
    /// MUST NOT touch the time of its last rotation.
    fn end_session(&mut self, id: SessionId, reason: EndReason, event: &Event) -> StoreResult<bool>;

    /// Up to `limit` entries that were committed since `position` was returned, and those of its latest transaction.
    ///
    /// MUST return them in the order of their transactions, and MUST name every transaction that is still running and may add
    /// entries before the last one returned: a reader that continues after each page MUST NOT miss an entry, whatever the
    /// order in which transactions commit. MUST NOT take two different transactions for the same after a loss of some.
    fn after(&mut self, position: &LogPosition, limit: u32) -> StoreResult<LogPage>;

    /// Deletes up to `limit` entries from before `before`. Returns how many.
    ///
    /// Deletes the oldest first. The cost MUST NOT grow with the number of rows that stay, and concurrent calls, also of other
    /// instances, MUST NOT wait for each other for long.
    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
}
