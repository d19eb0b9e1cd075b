//! Claiming and settling jobs.

use core::time::Duration;

use doorward_domain::id::JobId;
use doorward_domain::job::{Job, JobFailure, JobKind, JobState, NewJob};
use doorward_domain::time::Timestamp;

use crate::contract::StoreUnderTest;
use crate::sample::{self, JOB_KIND, START, after};

fn due(number: u32, seconds: u64) -> NewJob {
    NewJob {
        due_at: after(seconds),
        ..sample::job(number)
    }
}

fn enqueue(store: &dyn StoreUnderTest, jobs: &[NewJob]) {
    for job in jobs {
        assert!(store.write(|r| r.jobs().enqueue(job)));
    }
}

fn claim(store: &dyn StoreUnderTest, now: Timestamp, limit: u32) -> Vec<Job> {
    let lease_until = now + Duration::from_secs(60);
    store.write(|r| r.jobs().claim(&JOB_KIND, now, lease_until, limit))
}

fn ids(jobs: &[Job]) -> Vec<JobId> {
    jobs.iter().map(|job| job.id).collect()
}

/// Due jobs are claimed, the longest due first, then in the order of their ids; others are left.
pub fn due_jobs_are_claimed_oldest_first(store: &dyn StoreUnderTest) {
    enqueue(
        store,
        &[due(1, 20), due(2, 10), due(4, 10), due(3, 10), due(5, 21)],
    );
    let expected = [2, 3, 4, 1].map(|number| sample::job(number).id);
    assert_eq!(claim(store, after(9), 9), []);
    assert_eq!(ids(&claim(store, after(20), 3)), expected[..3]);
    assert_eq!(ids(&claim(store, after(20), 3)), expected[3..]);
    assert_eq!(claim(store, after(20), 3), []);
}

/// A claim moves the job to the end of its lease and counts an attempt, and returns it so.
pub fn a_claim_leases_the_job_and_counts_an_attempt(store: &dyn StoreUnderTest) {
    enqueue(store, &[due(1, 0)]);
    let claimed = store.claim_one(START);
    assert_eq!((claimed.attempts, claimed.due_at), (1, after(60)));
    assert_eq!(store.job(claimed.id), Some(claimed));
}

/// A lease that runs out makes the job due again.
pub fn a_job_is_due_again_when_its_lease_ends(store: &dyn StoreUnderTest) {
    enqueue(store, &[due(1, 0)]);
    store.claim_one(START);
    let last_moment = after(60) - Duration::from_micros(1);
    assert_eq!(claim(store, last_moment, 9), []);
    assert_eq!(store.claim_one(after(60)).attempts, 2);
}

/// The next due time is that of the first ready job of the kind, leased or not.
pub fn the_next_due_time_is_the_earliest_of_the_kind(store: &dyn StoreUnderTest) {
    let next_due = |kind: &JobKind| store.read(|r| r.jobs().next_due(kind));
    assert_eq!(next_due(&JOB_KIND), None);
    enqueue(store, &[due(1, 20), due(2, 10)]);
    let of_other = NewJob {
        kind: JobKind::new("other"),
        ..due(3, 5)
    };
    enqueue(store, &[of_other]);
    assert_eq!(next_due(&JOB_KIND), Some(after(10)));
    claim(store, after(10), 1);
    assert_eq!(next_due(&JOB_KIND), Some(after(20)));
    claim(store, after(20), 1);
    assert_eq!(next_due(&JOB_KIND), Some(after(70)), "the end of a lease");
    let failure = JobFailure::new("failed");
    for number in [1, 2] {
        store.write(|r| r.jobs().bury(sample::job(number).id, 1, START, &failure));
    }
    assert_eq!(next_due(&JOB_KIND), None);
    assert_eq!(next_due(&JobKind::new("other")), Some(after(5)));
}

/// Jobs of another kind are never claimed, and stay as they are.
pub fn jobs_of_other_kinds_are_left_alone(store: &dyn StoreUnderTest) {
    let job = NewJob {
        kind: JobKind::new("of-a-newer-version"),
        ..sample::job(1)
    };
    enqueue(store, &[job.clone(), sample::job(2)]);
    assert_eq!(ids(&claim(store, after(100), 9)), [sample::job(2).id]);
    assert_eq!(store.job(job.id).map(|job| job.attempts), Some(0));
}

/// A completed job is gone, and completes once.
pub fn a_completed_job_is_gone(store: &dyn StoreUnderTest) {
    enqueue(store, &[due(1, 0), due(2, 0)]);
    let claimed = store.claim_one(START);
    assert!(store.write(|r| r.jobs().complete(claimed.id, 1)));
    assert!(!store.write(|r| r.jobs().complete(claimed.id, 1)));
    assert_eq!(store.job(claimed.id), None);
    assert!(store.job(sample::job(2).id).is_some());
}

/// A retried job is due at the time given, remembers the failure and changes in nothing else.
pub fn a_retried_job_waits_and_remembers_its_failure(store: &dyn StoreUnderTest) {
    enqueue(store, &[due(1, 0)]);
    let claimed = store.claim_one(START);
    let failure = JobFailure::new("no route to host");
    assert!(store.write(|r| r.jobs().retry(claimed.id, 1, after(5), &failure)));
    let expected = Job {
        due_at: after(5),
        last_failure: Some(failure.clone()),
        ..claimed
    };
    assert_eq!(store.job(expected.id), Some(expected));
    let again = store.claim_one(after(5));
    assert_eq!((again.attempts, again.last_failure), (2, Some(failure)));
}

/// A dead job remembers the failure, and is never claimed or settled again.
pub fn a_dead_job_never_runs_again(store: &dyn StoreUnderTest) {
    enqueue(store, &[due(1, 0)]);
    let claimed = store.claim_one(START);
    let failure = JobFailure::new("refused");
    assert!(store.write(|r| r.jobs().bury(claimed.id, 1, after(3), &failure)));
    let expected = Job {
        state: JobState::Dead(after(3)),
        last_failure: Some(failure),
        ..claimed
    };
    assert_eq!(claim(store, after(1_000_000), 9), []);
    assert_settles_nothing(store, &expected, 1);
}

/// A worker whose job was claimed again settles nothing; the later one does.
pub fn a_worker_that_lost_its_lease_settles_nothing(store: &dyn StoreUnderTest) {
    enqueue(store, &[due(1, 0)]);
    store.claim_one(START);
    let second = store.claim_one(after(60));
    assert_settles_nothing(store, &second, 1);
    assert_settles_nothing(store, &second, 3);
    assert!(store.write(|r| r.jobs().complete(second.id, 2)));
    assert!(!store.write(|r| r.jobs().complete(second.id, 1)));
}

/// A worker whose lease ran out settles the job if nobody has claimed it since.
pub fn a_late_worker_settles_a_job_that_nobody_claimed_since(store: &dyn StoreUnderTest) {
    enqueue(store, &[due(1, 0)]);
    let claimed = store.claim_one(START);
    let failure = JobFailure::new("timed out");
    assert!(store.write(|r| r.jobs().retry(claimed.id, 1, after(500), &failure)));
    assert_eq!(claim(store, after(499), 9), []);
}

fn assert_settles_nothing(store: &dyn StoreUnderTest, job: &Job, attempt: u32) {
    let failure = JobFailure::new("late");
    let answers = store.write(|r| {
        Ok([
            r.jobs().complete(job.id, attempt)?,
            r.jobs().retry(job.id, attempt, after(1), &failure)?,
            r.jobs().bury(job.id, attempt, after(1), &failure)?,
        ])
    });
    assert_eq!(answers, [false; 3]);
    assert_eq!(store.job(job.id).as_ref(), Some(job));
}
