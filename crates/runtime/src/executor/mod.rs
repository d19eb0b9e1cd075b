//! Executors for blocking work.

mod fair_queue;
mod lane;
mod metrics;
mod priority;

pub use lane::{Lane, LaneSettings, Priority};
pub use metrics::LATENCY_BUCKETS;
pub(crate) use metrics::LanesMetrics;
