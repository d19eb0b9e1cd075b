//! Deletion of expired rows: the table of what is kept how long.

use core::time::Duration;

use doorward_domain::attempt::AttemptPolicy;
use doorward_domain::clock::ClockReading;
use doorward_domain::store::{Repositories, Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;
use doorward_domain::token::CLOCK_MARGIN;

use crate::attempt::budget::KNOWN_FOR;

/// The most rows deleted in one transaction: few enough that nobody waits for it.
const BATCH: u32 = 200;

/// The most batches of one kind in one run. What is left is for the next.
const MAX_BATCHES: u32 = 200;

/// How long rows stay after they have expired: clocks may differ, and operators look into recent events.
const MARGIN: Duration = Duration::from_hours(1);

// Instances and verifiers read revocations for this long.
const _: () = assert!(MARGIN.as_secs() > CLOCK_MARGIN.as_secs());

/// How long dead jobs are kept, for operators who look into the cause.
const DEAD_JOBS_KEPT: Duration = Duration::from_hours(30 * 24);

/// How long mails are kept after they have expired, for operators who look into what was sent.
pub(crate) const MAILS_KEPT: Duration = Duration::from_hours(7 * 24);

/// What is kept how long. A repository with rows that expire has one entry here.
const RETENTION: &[Retention] = &[
    Retention {
        rows: "sessions",
        may_delete: |_, clock| clock.tells_age(),
        kept: |_| MARGIN,
        delete: |repos, before, limit| repos.sessions().delete_expired(before, limit),
    },
    Retention {
        rows: "attempts",
        may_delete: |_, clock| clock.tells_age(),
        kept: |_| AttemptPolicy::MEMORY,
        delete: |repos, before, limit| repos.attempts().delete_expired(before, limit),
    },
    Retention {
        rows: "networks",
        may_delete: |_, clock| clock.tells_age(),
        kept: |_| KNOWN_FOR,
        delete: |repos, before, limit| repos.networks().delete_expired(before, limit),
    },
    Retention {
        rows: "revocations",
        may_delete: |configured, clock| clock.tells_age_of_revocations(configured.revocation_life),
        kept: |configured| configured.revocation_life + MARGIN,
        delete: |repos, before, limit| repos.revocations().delete_expired(before, limit),
    },
    Retention {
        rows: "events",
        may_delete: |_, clock| clock.tells_age(),
        kept: |configured| configured.event_life,
        delete: |repos, before, limit| repos.events().delete_expired(before, limit),
    },
    Retention {
        rows: "mails",
        may_delete: |_, clock| clock.tells_age(),
        kept: |_| MAILS_KEPT,
        delete: |repos, before, limit| repos.outbox().delete_expired(before, limit),
    },
    Retention {
        rows: "dead jobs",
        may_delete: |_, clock| clock.tells_age(),
        kept: |_| DEAD_JOBS_KEPT,
        delete: |repos, before, limit| repos.jobs().delete_expired(before, limit),
    },
];

/// How long one kind of row is kept, counted from what its repository's `delete_expired` compares.
struct Retention {
    rows: &'static str,
    /// Whether the clock tells how old these rows are.
    may_delete: fn(&DeleteExpired<'_>, &ClockReading) -> bool,
    kept: fn(&DeleteExpired<'_>) -> Duration,
    delete: fn(&mut dyn Repositories, Timestamp, u32) -> StoreResult<u64>,
}

/// Deletes rows past their retention, in small batches. Any number of instances may do it at once.
pub struct DeleteExpired<'a> {
    /// Where the rows are.
    pub store: &'a dyn UnitOfWork,
    /// How long a revocation matters: the longest that an access token is accepted after it was issued.
    pub revocation_life: Duration,
    /// How long an entry of the audit log is kept.
    pub event_life: Duration,
}

/// How many rows of a kind were deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletedRows {
    /// The kind of row.
    pub rows: &'static str,
    /// How many. Never zero.
    pub count: u64,
}

impl DeleteExpired<'_> {
    /// Deletes what has expired, as far as the clock tells. Kinds of which nothing was deleted are left out of the answer.
    pub fn execute(&self, clock: ClockReading) -> StoreResult<Vec<DeletedRows>> {
        let mut deleted = Vec::new();
        for Retention {
            rows,
            may_delete,
            kept,
            delete,
        } in RETENTION
        {
            if !may_delete(self, &clock) {
                continue;
            }
            let before = clock.now - kept(self);
            let count = self.batches(|repos| delete(repos, before, BATCH))?;
            if count > 0 {
                deleted.push(DeletedRows { rows, count });
            }
        }
        Ok(deleted)
    }

    fn batches(&self, batch: impl Fn(&mut dyn Repositories) -> StoreResult<u64>) -> StoreResult<u64> {
        let mut total = 0;
        for _ in 0..MAX_BATCHES {
            let deleted = self.store.transaction(&batch)?;
            total += deleted;
            if deleted < u64::from(BATCH) {
                break;
            }
        }
        Ok(total)
    }
}
