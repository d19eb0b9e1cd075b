//! The audit log: security-relevant events, each written in the transaction of the change that it records.

mod budget;
mod event;
mod repository;

pub use budget::{EventBudget, EventGroup};
pub use event::{Event, EventKind, EventOutcome};
#[cfg(any(test, feature = "mocks"))]
pub use repository::MockEventLog;
pub use repository::{EventFilter, EventLog};
