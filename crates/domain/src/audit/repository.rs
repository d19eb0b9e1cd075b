//! The port for the stored audit log.

use crate::id::{EventId, UserId};
use crate::store_error::StoreResult;
use crate::time::Timestamp;

use super::{Event, EventKind};

/// Conditions on the events of a list. An event must meet all that are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Only events whose subject is this user, whether or not the user (still) exists.
    pub user_id: Option<UserId>,
    /// Only events of this kind.
    pub kind: Option<EventKind>,
}

/// The stored audit log. Entries are never changed.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait EventLog {
    /// Adds an entry. It is stored exactly if the transaction commits, and MUST outlive the user and session it refers to.
    fn append(&mut self, event: &Event) -> StoreResult<()>;

    /// Up to `limit` entries in descending order of id, the newest first, of those with an id less than `before`.
    ///
    /// The cost MUST NOT grow with the number of entries that are newer than the page or that the filter leaves out.
    fn page(&mut self, filter: &EventFilter, before: Option<EventId>, limit: u32) -> StoreResult<Vec<Event>>;

    /// Deletes up to `limit` events whose ids are from before `before`, to the millisecond. Returns how many.
    ///
    /// Deletes the oldest first. The cost MUST NOT grow with the number of rows that stay, and concurrent calls, also of other
    /// instances, MUST NOT wait for each other for long.
    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
}
