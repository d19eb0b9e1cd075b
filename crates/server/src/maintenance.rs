//! The periodic work of a running server: rotating keys, in every instance, and deleting expired data, in one of them.
//!
//! Reading revocations is not among them: it has a deadline, so it must not wait for another task.

use std::sync::Arc;
use std::time::Duration;

use doorward_application::{DeleteExpired, DeletedRows, JobError, Missed, ScheduleNext};
use doorward_domain::clock::ClockReading;
use doorward_domain::job::{Job, JobKind, RetryPolicy};
use doorward_domain::key::SealedKey;
use doorward_domain::store::UnitOfWork;
use doorward_keys::KeyRing;
use doorward_persistence::Database;
use doorward_runtime::{JobHandler, PeriodicTask, WatchedClock};

use crate::system::{OsEntropy, now};

/// How often expired data is deleted.
const DELETE_EVERY: Duration = Duration::from_secs(60);

/// The kind of the job that deletes expired data.
const DELETE_EXPIRED: JobKind = JobKind::new("delete-expired");

/// The task that loads keys which other instances created, creates the next ones when they are due, and deletes those whose
/// tokens have all expired.
pub fn rotate_keys(
    ring: Arc<KeyRing>,
    store: Arc<dyn UnitOfWork>,
    clock: Arc<WatchedClock>,
    every: Duration,
) -> PeriodicTask {
    let run = move || {
        let report = ring
            .maintain(&*store, clock.read(), &OsEntropy)
            .map_err(|error| error.to_string())?;
        for key in &report.made {
            log_key("next key created, will be published before its first use", key);
        }
        for key in &report.deleted {
            log_key("key deleted, all its tokens have expired", key);
        }
        Ok(())
    };
    PeriodicTask {
        name: "rotate keys",
        every,
        run: Box::new(run),
    }
}

/// The task that makes revocations visible to instances of the last release, which may run beside this one during an upgrade.
/// Such an instance reads them four times a second.
pub fn number_revocations(database: Arc<Database>) -> PeriodicTask {
    PeriodicTask {
        name: "number revocations",
        every: Duration::from_millis(250),
        run: Box::new(move || database.number_revocations().map_err(|error| error.to_string())),
    }
}

/// Numbers the revocations of a process that is about to end, for instances of the last release that may be running.
pub fn number_last_revocations(database: &Database) {
    if let Err(error) = database.number_revocations() {
        tracing::warn!(
            cause = %error,
            "revocations could not be numbered: instances of the last release accept the revoked tokens until an instance of this release runs"
        );
    }
}

fn log_key(what: &str, key: &SealedKey) {
    tracing::info!(
        kid = key.id.as_str(),
        purpose = key.purpose.as_str(),
        ordinal = key.ordinal,
        algorithm = key.algorithm,
        "{what}"
    );
}

/// The task that queues a deletion of expired data for each interval, once for all instances.
pub fn schedule_deletion(store: Arc<dyn UnitOfWork>) -> PeriodicTask {
    let run = move || {
        let schedule = ScheduleNext {
            store: &*store,
            entropy: &OsEntropy,
            kind: &DELETE_EXPIRED,
            every: DELETE_EVERY,
        };
        schedule
            .execute(now())
            .map(drop)
            .map_err(|error| error.to_string())
    };
    PeriodicTask {
        name: "schedule deletion of expired data",
        // Twice per interval, so that none is missed.
        every: DELETE_EVERY / 2,
        run: Box::new(run),
    }
}

/// Runs the deletion of expired data.
pub struct DeleteExpiredHandler {
    /// Stores the data.
    pub store: Arc<dyn UnitOfWork>,
    /// Tells how old data is, unless it was moved lately.
    pub clock: Arc<WatchedClock>,
    /// How long a revocation is stored.
    pub revocation_life: Duration,
    /// How long an audit event is stored.
    pub event_life: Duration,
}

impl JobHandler for DeleteExpiredHandler {
    fn kind(&self) -> JobKind {
        DELETE_EXPIRED
    }

    fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy {
            delays: &[],
            then: DELETE_EVERY,
        }
    }

    fn missed(&self) -> Missed {
        Missed::Drop
    }

    fn run(&self, _: &Job, _: ClockReading) -> Result<(), JobError> {
        let clock = self.clock.read();
        if !clock.tells_age() {
            tracing::warn!(
                "the system clock was set within the last hour: it does not tell how old data is, nothing is deleted"
            );
        }
        let delete = DeleteExpired {
            store: &*self.store,
            revocation_life: self.revocation_life,
            event_life: self.event_life,
        };
        let deleted = delete
            .execute(clock)
            .map_err(|error| JobError::Retry(error.to_string()))?;
        for DeletedRows { rows, count } in deleted {
            tracing::info!(rows, count, "expired data deleted");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use doorward_domain::job::JobCounts;
    use doorward_domain::store::Transactions as _;
    use doorward_domain::store_error::StoreResult;
    use doorward_testkit::{Clock, MemoryStore, sample};

    use super::*;

    #[test]
    fn the_job_that_the_task_queues_deletes_expired_data() {
        let store = Arc::new(MemoryStore::new());
        let mut task = schedule_deletion(store.clone());
        for _ in 0..3 {
            assert_eq!((task.run)(), Ok(()));
        }
        let clock = Arc::new(Clock::default());
        let handler = DeleteExpiredHandler {
            store: store.clone(),
            clock: watched(&clock),
            revocation_life: Duration::from_secs(900),
            event_life: Duration::from_secs(900),
        };
        let kind = handler.kind();
        let count = store.snapshot(|repos| -> StoreResult<_> { repos.jobs().count(&kind) });
        assert_eq!(count, Ok(JobCounts { ready: 1, dead: 0 }));

        let expires = sample::session(1, sample::user(1).id).expires_at;
        store
            .transaction(|repos| -> StoreResult<()> {
                let user = sample::user(1);
                let _ = repos.users().insert(&user, &sample::digest("digest"))?;
                repos.sessions().insert(&sample::session(1, user.id))
            })
            .unwrap();
        let due = now() + Duration::from_secs(120);
        let jobs = store.transaction(|repos| -> StoreResult<_> {
            repos.jobs().claim(&kind, due, due + handler.lease(), 1)
        });
        let job = &jobs.unwrap()[0];
        let ahead = expires + Duration::from_secs(86_400);
        clock.set(ahead);
        assert_eq!(handler.run(job, ClockReading::trusted(ahead)), Ok(()));
        assert_eq!(
            store.sessions_of(sample::user(1).id).len(),
            1,
            "the clock was set while the process was running"
        );
        let restarted = DeleteExpiredHandler {
            clock: watched(&clock),
            ..handler
        };
        assert_eq!(restarted.run(job, ClockReading::trusted(ahead)), Ok(()));
        assert_eq!(store.sessions_of(sample::user(1).id), []);
    }

    fn watched(clock: &Arc<Clock>) -> Arc<WatchedClock> {
        let clock = Arc::clone(clock);
        Arc::new(WatchedClock::new(Arc::new(move || clock.now())))
    }
}
