//! Forgetting what cannot matter any more.

use core::time::Duration;

use doorward_domain::attempt::AttemptPolicy;
use doorward_domain::store::{Repositories, Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use crate::attempt::budget::KNOWN_FOR;

/// The most rows deleted in one transaction: few enough that nobody waits for it.
const BATCH: u32 = 200;

/// The most batches of one kind in one sweep. What is left is for the next.
const MAX_BATCHES: u32 = 50;

/// How long what is over is kept, for clocks that differ and for whoever looks into what happened just now.
const MARGIN: Duration = Duration::from_secs(60 * 60);

/// Deletes expired sessions, old attempts, networks that are not known any more, old revocations and old events, in small
/// batches. Any number of instances may do it at once.
pub struct Sweep<'a> {
    /// Where things are kept.
    pub store: &'a dyn UnitOfWork,
    /// How long a revocation matters: the longest that an access token is accepted after it was issued.
    pub revocation_life: Duration,
    /// How long an entry of the audit log is kept.
    pub event_life: Duration,
}

/// How many rows a sweep deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Sessions that had expired.
    pub sessions: u64,
    /// Attempts that do not count any more.
    pub attempts: u64,
    /// Networks that no owner has logged in from for too long.
    pub networks: u64,
    /// Revocations that concern no valid token any more.
    pub revocations: u64,
    /// Entries of the audit log that were kept for long enough.
    pub events: u64,
}

impl Sweep<'_> {
    /// Sweeps once.
    pub fn execute(&self, now: Timestamp) -> StoreResult<Swept> {
        Ok(Swept {
            sessions: self.batches(|repos| repos.sweeping().expired_sessions(now - MARGIN, BATCH))?,
            attempts: self
                .batches(|repos| repos.sweeping().old_attempts(now - AttemptPolicy::MEMORY, BATCH))?,
            networks: self.batches(|repos| repos.sweeping().old_networks(now - KNOWN_FOR, BATCH))?,
            revocations: self.batches(|repos| {
                repos
                    .sweeping()
                    .old_revocations(now - self.revocation_life - MARGIN, BATCH)
            })?,
            events: self.batches(|repos| repos.sweeping().old_events(now - self.event_life, BATCH))?,
        })
    }

    fn batches(&self, batch: impl Fn(&mut dyn Repositories) -> StoreResult<u64>) -> StoreResult<u64> {
        let mut swept = 0;
        for _ in 0..MAX_BATCHES {
            let deleted = self.store.transaction(&batch)?;
            swept += deleted;
            if deleted < u64::from(BATCH) {
                break;
            }
        }
        Ok(swept)
    }
}
