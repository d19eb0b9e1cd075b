//! Audit summaries: events that are too frequent for one entry each are counted in memory and recorded together.

mod attempts;
mod counter;
mod folded;
mod writer;

pub use attempts::AttemptSummary;
pub(crate) use folded::{EventFolder, TransactionEvents};
pub(crate) use writer::{AuditSummary, SummaryPorts};
