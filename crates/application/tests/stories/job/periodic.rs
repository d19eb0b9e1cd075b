//! Work that all instances together do once per interval.

use core::time::Duration;

use doorward_application::{ClaimJobs, ScheduleNext, SettleJob, Settlement};
use doorward_domain::job::{Job, JobKind, RetryPolicy};
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
    };
    let settle = SettleJob {
        store,
        policy: &RetryPolicy {
            delays: &[],
            then: MINUTE,
            give_up_after: MINUTE,
        },
    };
    let jobs = claim.execute(10, now).expect("jobs").jobs;
    for job in &jobs {
        assert_eq!(settle.execute(job, &Ok(()), now), Ok(Settlement::Completed));
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
    assert_eq!(work(&store, START + 10 * MINUTE), [], "given up");
    assert!(schedule(&store, 2, START + 10 * MINUTE));
    assert_eq!(work(&store, START + 11 * MINUTE).len(), 1);
}
