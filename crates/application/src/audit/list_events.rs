//! Reading the audit log.

use doorward_domain::access::{Granted, ReadAudit};
use doorward_domain::audit::Event;
use doorward_domain::audit::EventFilter;
use doorward_domain::id::EventId;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::{StoreError, StoreResult};

/// One page of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// The events, the newest first.
    pub events: Vec<Event>,
    /// Before which event the next page begins; `None` on the last page.
    pub next: Option<EventId>,
}

/// Lists events, on behalf of an administrator.
pub struct ListEvents<'a> {
    /// Where the log is kept.
    pub store: &'a dyn UnitOfWork,
}

impl ListEvents<'_> {
    /// Up to `limit` events that match, in descending order of id, from the one before `before`.
    ///
    /// A walk through the pages meets no event twice, and misses none that was there when it began: what is written
    /// meanwhile is newer than where the walk stands, or was begun earlier and is on none of its pages yet.
    pub fn execute(
        &self,
        _admin: &Granted<ReadAudit>,
        filter: &EventFilter,
        before: Option<EventId>,
        limit: u32,
    ) -> StoreResult<EventPage> {
        let mut events = self.store.snapshot(|repos| -> Result<_, StoreError> {
            repos.events().page(filter, before, limit.saturating_add(1))
        })?;
        // One more than asked for tells whether there is a next page.
        let full = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = events.len() > full;
        events.truncate(full);
        let next = events.last().filter(|_| more).map(|event| event.id);
        Ok(EventPage { events, next })
    }
}
