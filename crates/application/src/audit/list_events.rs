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
    /// The cursor of the next page: the oldest event of this one. `None` on the last page.
    pub next: Option<EventId>,
}

/// Lists events, on behalf of an administrator.
pub struct ListEvents<'a> {
    /// Stores the audit log.
    pub store: &'a dyn UnitOfWork,
}

impl ListEvents<'_> {
    /// Up to `limit` events that meet the filter, in descending order of id, starting below `before`.
    ///
    /// Reading all pages in sequence returns no event twice, and every event that was committed before the first page was
    /// read. Events written meanwhile are newer than the cursor, or belong to transactions that were open then.
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
        // One more than `limit` shows whether there is a next page.
        let full = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = events.len() > full;
        events.truncate(full);
        let next = events.last().filter(|_| more).map(|event| event.id);
        Ok(EventPage { events, next })
    }
}
