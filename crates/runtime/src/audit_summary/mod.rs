//! Audit summaries: events that are too frequent for one entry each are counted in memory and recorded together.

mod attempts;
mod rate_limit;

pub use attempts::AttemptSummary;
pub(crate) use rate_limit::{RateLimitSummary, SummaryPorts};
