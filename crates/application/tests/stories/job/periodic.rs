//! Work that all instances together do once per interval.

use core::time::Duration;

use doorward_application::{ClaimJobs, Missed, ScheduleNext, SettleJob, Settlement};
use doorward_domain::clock::ClockReading;
use doorward_domain::job::{Job, JobCounts, JobKind, RetryPolicy};
use doorward_domain::store::Transactions as _;
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;
use doorward_testkit::{MemoryStore, SeededEntropy};

const MINUTE: Duration = Duration::from_secs(60);
const KIND: JobKind = JobKind::new("tidy");

/// The beginning of an interval.
const START: Timestamp = Timestamp::from_unix_seconds(1_700_000_040);

fn schedule(store: &MemoryStore, seed: u64, now: Timestamp) -> bool {
    let schedule = ScheduleNext {
        store,
        entropy: &SeededEntropy::new(seed),
        kind: &KIND,
        every: MINUTE,
    };
    schedule.execute(now).expect("an answer")
}

/// Claims and completes what is due.
fn work(store: &MemoryStore, now: Timestamp) -> Vec<Job> {
    let claim = ClaimJobs {
        store,
        kind: &KIND,
        lease: MINUTE,
        missed: Missed::Drop,
    };
    let settle = SettleJob {
        store,
        policy: &RetryPolicy {
            delays: &[],
            then: MINUTE,
        },
    };
    let jobs = claim.execute(10, ClockReading::trusted(now)).expect("jobs").jobs;
    for job in &jobs {
        assert_eq!(
            settle.execute(job, &Ok(()), ClockReading::trusted(now)),
            Ok(Settlement::Completed)
        );
    }
    jobs
}

#[test]
fn any_number_of_instances_run_a_periodic_job_once_per_interval() {
    let store = MemoryStore::new();
    let mut runs = Vec::new();
    // Three instances look twice per interval, each at seconds of its own, and do what is due.
    for second in 0..600_u64 {
        let now = START + Duration::from_secs(second);
        for (instance, phase) in [(1, 2), (2, 11), (3, 29)] {
            if second % 30 == phase {
                schedule(&store, second * 10 + instance, now);
            }
            runs.extend(work(&store, now).iter().map(|_| now));
        }
    }
    let expected: Vec<Timestamp> = (1..10).map(|interval| START + MINUTE * interval).collect();
    assert_eq!(runs, expected, "once at the beginning of each interval");
}

#[test]
fn a_periodic_job_is_queued_ahead_and_due_when_its_interval_begins() {
    let store = MemoryStore::new();
    assert!(schedule(&store, 1, START));
    assert!(!schedule(&store, 2, START + MINUTE - Duration::from_micros(1)));
    assert_eq!(work(&store, START + MINUTE - Duration::from_micros(1)), []);
    assert_eq!(work(&store, START + MINUTE).len(), 1);
    assert!(schedule(&store, 3, START + MINUTE));
}

#[test]
fn an_interval_that_nobody_worked_in_is_not_made_up_for() {
    let store = MemoryStore::new();
    assert!(schedule(&store, 1, START));
    assert_eq!(work(&store, START + 11 * MINUTE), [], "given up");
    let counts = store.snapshot(|repos| -> StoreResult<_> { repos.jobs().count(&KIND) });
    assert_eq!(counts, Ok(JobCounts { ready: 0, dead: 0 }), "and no fault");
    assert!(schedule(&store, 2, START + 11 * MINUTE));
    assert_eq!(work(&store, START + 12 * MINUTE).len(), 1);
}

#[test]
fn a_clock_that_was_ahead_once_stops_no_interval() {
    let store = MemoryStore::new();
    let year = Duration::from_hours(365 * 24);
    assert!(schedule(&store, 1, START + year));
    for minute in 0..3 {
        assert!(schedule(&store, 2 + u64::from(minute), START + MINUTE * minute));
        assert_eq!(work(&store, START + MINUTE * (minute + 1)).len(), 1);
    }
}
