//! Where the audit log is kept.

use crate::id::{EventId, UserId};
use crate::store_error::StoreResult;
use crate::time::Timestamp;

use super::{Event, EventKind};

/// Which entries of the audit log to list. Every condition given must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// What happened to this user, whether or not there is such a user (any more).
    pub user_id: Option<UserId>,
    /// What is of this kind.
    pub kind: Option<EventKind>,
}

/// The audit log.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait EventLog {
    /// Adds an entry. It is kept exactly if the transaction commits, and outlives the user and session it tells of.
    fn append(&mut self, event: &Event) -> StoreResult<()>;

    /// Up to `limit` entries in descending order of id, the newest first, of those with a lesser id than `before`.
    ///
    /// The cost MUST NOT grow with the number of entries that are newer than the page or that the filter leaves out.
    fn page(&mut self, filter: &EventFilter, before: Option<EventId>, limit: u32) -> StoreResult<Vec<Event>>;

    /// Deletes up to `limit` events whose ids are from before `before`, to the millisecond. Returns how many.
    ///
    /// The oldest go first. The cost MUST NOT grow with the number of rows that stay, and instances that do it at once MUST NOT
    /// wait for each other for long.
    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
}
