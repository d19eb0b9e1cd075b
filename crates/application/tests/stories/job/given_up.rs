//! Jobs whose time is over.

use core::time::Duration;

use doorward_application::{ClaimJobs, DeleteExpired, DeletedRows, JobError, Missed, SettleJob, Settlement};
use doorward_domain::clock::{ClockReading, ClockWatch};
use doorward_domain::job::{Job, JobFailure, JobState, RetryPolicy};
use doorward_domain::store::Transactions as _;
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;
use doorward_testkit::MemoryStore;
use doorward_testkit::sample::{self, JOB_KIND, START};

const DAY: Duration = Duration::from_hours(24);

fn queued() -> MemoryStore {
    let store = MemoryStore::new();
    let queued = store.transaction(|repos| -> StoreResult<_> { repos.jobs().enqueue(&sample::job(1)) });
    assert_eq!(queued, Ok(true));
    store
}

fn claim(store: &MemoryStore, now: Timestamp) -> (Vec<Job>, Vec<Job>) {
    claim_by(store, ClockReading::trusted(now))
}

fn claim_by(store: &MemoryStore, clock: ClockReading) -> (Vec<Job>, Vec<Job>) {
    let claim = ClaimJobs {
        store,
        kind: &JOB_KIND,
        lease: Duration::from_secs(60),
        missed: Missed::Bury,
    };
    let claimed = claim.execute(10, clock).expect("jobs");
    (claimed.jobs, claimed.given_up)
}

fn found(store: &MemoryStore) -> Option<Job> {
    store
        .snapshot(|repos| -> StoreResult<_> { repos.jobs().find(sample::job(1).id) })
        .expect("a store that answers")
}

#[test]
fn a_job_that_nobody_could_run_in_time_is_given_up_unrun() {
    let store = queued();
    let (jobs, given_up) = claim(&store, START + DAY);
    assert_eq!((jobs.len(), given_up.len()), (0, 1));
    assert_eq!(
        found(&store).map(|job| job.state),
        Some(JobState::Dead(START + DAY))
    );
}

#[test]
fn a_job_is_run_and_not_given_up_if_the_clock_was_moved() {
    let store = queued();
    let mut watch = ClockWatch::start(START, Duration::ZERO);
    let ahead = watch.observe(START + DAY, Duration::from_secs(1));
    let (jobs, given_up) = claim_by(&store, ahead);
    assert_eq!((jobs.len(), given_up.len()), (1, 0));
    let wait = Duration::from_secs(10);
    let settle = SettleJob {
        store: &store,
        policy: &RetryPolicy {
            delays: &[],
            then: wait,
        },
    };
    let failed = Err(JobError::Retry("no route to host".to_owned()));
    assert_eq!(
        settle.execute(&jobs[0], &failed, ahead),
        Ok(Settlement::Retried(ahead.now + wait))
    );
}

#[test]
fn a_job_whose_workers_always_crash_is_given_up_and_keeps_the_last_failure() {
    let store = queued();
    let (jobs, _) = claim(&store, START);
    let settle = SettleJob {
        store: &store,
        policy: &RetryPolicy {
            delays: &[],
            then: Duration::from_secs(10),
        },
    };
    let failed = Err(JobError::Retry("no route to host".to_owned()));
    let retried = settle.execute(&jobs[0], &failed, ClockReading::trusted(START));
    assert_eq!(retried, Ok(Settlement::Retried(START + Duration::from_secs(10))));
    // From here on every worker crashes.
    let mut now = START;
    while claim(&store, now).1.is_empty() {
        now = now + Duration::from_secs(60);
        assert!(
            now <= START + DAY + Duration::from_secs(60),
            "it is never given up"
        );
    }
    let job = found(&store).expect("a dead job");
    assert_eq!(job.last_failure, Some(JobFailure::new("no route to host")));
}

#[test]
fn dead_jobs_are_kept_for_thirty_days() {
    let store = queued();
    claim(&store, START + DAY);
    let delete = |now| {
        let delete = DeleteExpired {
            store: &store,
            revocation_life: DAY,
            event_life: DAY,
        };
        delete.execute(ClockReading::trusted(now)).expect("a deletion")
    };
    assert_eq!(delete(START + 31 * DAY), []);
    let deleted = DeletedRows {
        rows: "dead jobs",
        count: 1,
    };
    assert_eq!(delete(START + 31 * DAY + Duration::from_micros(1)), [deleted]);
    assert_eq!(found(&store), None);
}
