//! `lane.*`

use core::time::Duration;

use doorward_runtime::executor::{LaneSettings, Priority};
use schemars::JsonSchema;
use serde::Deserialize;

use super::size;
use crate::config::checker::Checker;
use crate::config::span::Span;
use crate::resources::Resources;

/// How long a request waits for a hash that is running. Not configurable.
const HASH_LIMIT: Duration = Duration::from_secs(15);

/// `lane.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawLane {
    /// How many passwords are hashed at once. Each thread keeps `password.argon2.memory_kib` of memory.
    #[schemars(range(min = 1, max = 1024), extend("x-default" = "cores, as far as half of the memory permits"))]
    pub workers: Option<u32>,
    /// How many requests may wait; when the queue is full, a request gets 503.
    #[schemars(range(min = 1, max = 100_000))]
    pub queue: u32,
    /// How long a request may wait; after that it gets 503.
    #[schemars(extend("x-min" = "1ms", "x-max" = "30s"))]
    pub deadline: Span,
}

impl Default for RawLane {
    fn default() -> Self {
        Self {
            workers: None,
            queue: 64,
            deadline: Span::seconds(2),
        }
    }
}

impl RawLane {
    pub fn check(&self, checker: &mut Checker, resources: &Resources, memory_kib: u32) -> LaneSettings {
        let workers = self
            .workers
            .unwrap_or_else(|| resources.hashing_workers(memory_kib));
        if let Some(memory) = &resources.memory
            && u64::from(workers) * (u64::from(memory_kib) << 10) > memory.bytes
        {
            let what =
                format!("{workers} hashes at once need more than the memory of this process, {memory}");
            checker.warn("lane.workers", &what);
        }
        LaneSettings {
            workers: size(workers),
            queue: size(self.queue),
            deadline: self.deadline.0,
            limit: HASH_LIMIT,
            priority: Priority::Low,
        }
    }
}
