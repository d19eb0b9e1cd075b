//! The audit log: one event for each thing that an investigator would ask about, written in the transaction of the
//! change it records.

mod event;
mod repository;

pub use event::{Event, EventKind, EventOutcome};
#[cfg(any(test, feature = "mocks"))]
pub use repository::MockEventLog;
pub use repository::{EventFilter, EventLog};
