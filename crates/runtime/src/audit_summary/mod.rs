//! Summaries for the audit log: what happens too often for an entry each is counted in memory and recorded together.

mod attempts;
mod rate_limit;

pub use attempts::AttemptSummary;
pub(crate) use rate_limit::{RateLimitSummary, SummaryPorts};
