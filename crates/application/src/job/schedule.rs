//! Work that is to be done once per interval by all instances together.

use core::time::Duration;

use doorward_domain::entropy::Entropy;
use doorward_domain::id::JobId;
use doorward_domain::job::{DedupeKey, JobKind, JobPayload, NewJob};
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

/// After how many intervals a job that was not run, or that keeps failing, is given up.
const GIVE_UP_AFTER: u32 = 10;

/// Queues the job of the next interval, unless another instance has.
///
/// Intervals are counted from 1970, so that all instances mean the same ones. A job is queued **before** its interval begins
/// and is due when it begins: while it waits it holds its dedupe key, and no instance queues a second one. An instance
/// whose clock is slow may queue one more, after the first is done: the work must be safe to repeat. To miss no interval, an
/// instance has to call this more often than once per interval.
pub struct ScheduleNext<'a> {
    /// Where jobs are queued.
    pub store: &'a dyn UnitOfWork,
    /// Makes ids.
    pub entropy: &'a dyn Entropy,
    /// The kind of the job. Its payload is empty.
    pub kind: &'a JobKind,
    /// The length of an interval; at least a second.
    pub every: Duration,
}

impl ScheduleNext<'_> {
    /// Returns whether this call queued the job. Only reads when it is queued already.
    pub fn execute(&self, now: Timestamp) -> StoreResult<bool> {
        let every = self.every.max(Duration::from_secs(1));
        let micros = i64::try_from(every.as_micros()).unwrap_or(i64::MAX);
        let begin = Timestamp::from_micros(now.as_micros().div_euclid(micros).saturating_mul(micros));
        let due_at = begin + every;
        let first = self.store.snapshot(|repos| repos.jobs().next_due(self.kind))?;
        // A job that is due even later is of a clock that was ahead.
        if first.is_some_and(|first| (due_at..due_at + every).contains(&first)) {
            return Ok(false);
        }
        let key = format!("{} {}", self.kind.as_str(), due_at.as_micros());
        let job = NewJob {
            id: JobId::generate(now, self.entropy),
            kind: self.kind.clone(),
            payload: JobPayload::default(),
            dedupe_key: DedupeKey::new(key).ok(),
            created_at: now,
            due_at,
            // Later intervals have jobs of their own: one that could not be run for so long is not made up for.
            give_up_at: due_at + every * GIVE_UP_AFTER,
        };
        self.store.transaction(|repos| repos.jobs().enqueue(&job))
    }
}
