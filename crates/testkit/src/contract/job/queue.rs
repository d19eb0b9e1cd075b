//! Queueing, counting and deleting jobs.

use core::time::Duration;

use doorward_domain::job::{DedupeKey, JobCounts, JobFailure, JobKind, JobPayload, JobState, NewJob};
use doorward_domain::store::Transactions as _;
use doorward_domain::store_error::StoreError;

use crate::contract::StoreUnderTest;
use crate::contract::edge_values::{TIMES, awkward_texts};
use crate::sample::{self, START, after};

fn with_key(number: u32, key: &str) -> NewJob {
    NewJob {
        dedupe_key: DedupeKey::new(key).ok(),
        ..sample::job(number)
    }
}

/// A job is read back as it was queued: ready, without an attempt.
pub fn a_queued_job_is_ready_and_without_an_attempt(store: &dyn StoreUnderTest) {
    let job = sample::job(1);
    assert!(store.write(|r| r.jobs().enqueue(&job)));
    let found = store.job(job.id).expect("a job");
    assert_eq!(
        (found.id, found.kind, found.payload, found.attempts),
        (job.id, job.kind, job.payload, 0)
    );
    assert_eq!(
        (found.created_at, found.due_at, found.give_up_at),
        (job.created_at, job.due_at, job.give_up_at)
    );
    assert_eq!((found.state, found.last_failure), (JobState::Ready, None));
    assert_eq!(store.job(sample::job(2).id), None);
}

/// A job is queued exactly if its transaction commits.
pub fn a_job_is_rolled_back_with_its_cause(store: &dyn StoreUnderTest) {
    let outcome: Result<(), StoreError> = store.store().transaction(|r| {
        r.jobs().enqueue(&sample::job(1))?;
        Err(StoreError::Unavailable("a rolled-back use case".to_owned()))
    });
    assert!(outcome.is_err());
    assert_eq!(store.job(sample::job(1).id), None);
}

/// Of two jobs with one dedupe key the second is not queued, and the transaction stays usable.
pub fn a_dedupe_key_queues_one_job(store: &dyn StoreUnderTest) {
    assert!(store.write(|r| r.jobs().enqueue(&with_key(1, "key"))));
    let queued = store.write(|r| {
        let again = r.jobs().enqueue(&with_key(2, "key"))?;
        let other = r.jobs().enqueue(&with_key(3, "KEY"))?;
        let none = r.jobs().enqueue(&sample::job(4))? && r.jobs().enqueue(&sample::job(5))?;
        Ok((again, other, none))
    });
    assert_eq!(queued, (false, true, true));
    assert_eq!(store.job(sample::job(2).id), None);
}

/// A dedupe key is held while its job waits or runs, and released by completion and by death.
pub fn completion_and_death_release_the_dedupe_key(store: &dyn StoreUnderTest) {
    for number in [1, 2] {
        let job = with_key(number, "key");
        assert!(store.write(|r| r.jobs().enqueue(&job)), "{number}");
        store.claim_one(START);
        assert!(!store.write(|r| r.jobs().enqueue(&with_key(9, "key"))), "it runs");
        let failure = JobFailure::new("failed");
        assert!(store.write(|r| if number == 1 {
            r.jobs().complete(job.id, 1)
        } else {
            r.jobs().bury(job.id, 1, START, &failure)
        }));
    }
    assert!(store.write(|r| r.jobs().enqueue(&with_key(9, "key"))));
}

/// Payloads, keys and failures are read back unchanged, up to their longest; times, from long ago to far ahead.
pub fn jobs_are_read_back_unchanged(store: &dyn StoreUnderTest) {
    let longest = "é".repeat(JobPayload::MAX_BYTES / 2);
    for (number, text) in (1..).zip(awkward_texts().chain([longest])) {
        let time = TIMES[usize::try_from(number).expect("a small number") % TIMES.len()];
        let job = NewJob {
            payload: JobPayload::new(text.clone()).expect("a payload"),
            dedupe_key: DedupeKey::new(text.clone()).ok(),
            created_at: time,
            due_at: time,
            give_up_at: time,
            ..sample::job(number)
        };
        assert!(store.write(|r| r.jobs().enqueue(&job)), "{text:?}");
        let found = store.job(job.id).expect("a job");
        assert_eq!(found.payload, job.payload);
        assert_eq!(
            (found.created_at, found.due_at, found.give_up_at),
            (time, time, time)
        );
        let failure = JobFailure::new(&text);
        assert!(store.write(|r| r.jobs().bury(job.id, 0, time, &failure)));
        let found = store.job(job.id).expect("a job");
        assert_eq!(
            (found.state, found.last_failure),
            (JobState::Dead(time), Some(failure))
        );
    }
}

/// Jobs are counted by kind, leased ones among the ready ones.
pub fn jobs_are_counted_by_kind_and_state(store: &dyn StoreUnderTest) {
    let other = JobKind::new("other");
    for number in 1..=4 {
        store.write(|r| r.jobs().enqueue(&sample::job(number)));
    }
    let of_other = NewJob {
        kind: other.clone(),
        ..sample::job(5)
    };
    store.write(|r| r.jobs().enqueue(&of_other));
    let claimed = store.write(|r| r.jobs().claim(&sample::JOB_KIND, START, after(60), 2));
    let failure = JobFailure::new("failed");
    store.write(|r| r.jobs().bury(claimed[0].id, 1, START, &failure));
    let count = |kind: &JobKind| store.read(|r| r.jobs().count(kind));
    assert_eq!(count(&sample::JOB_KIND), JobCounts { ready: 3, dead: 1 });
    assert_eq!(count(&other), JobCounts { ready: 1, dead: 0 });
    assert_eq!(count(&JobKind::new("unknown")), JobCounts::default());
}

/// Dead jobs are deleted by the time of their death, the oldest first; ready ones are kept however old they are.
pub fn dead_jobs_are_deleted_by_their_death(store: &dyn StoreUnderTest) {
    for number in 1..=4 {
        store.write(|r| r.jobs().enqueue(&sample::job(number)));
    }
    let jobs = [1, 2, 3, 4].map(|number| sample::job(number).id);
    let failure = JobFailure::new("failed");
    for (id, died) in jobs.iter().zip([20, 10, 30]) {
        assert!(store.write(|r| r.jobs().bury(*id, 0, after(died), &failure)));
    }
    let late = after(10) + Duration::from_micros(1);
    assert_eq!(store.write(|r| r.jobs().delete_expired(after(10), 100)), 0);
    assert_eq!(store.write(|r| r.jobs().delete_expired(late, 100)), 1);
    let kept = |store: &dyn StoreUnderTest| jobs.map(|id| store.job(id).is_some());
    assert_eq!(kept(store), [true, false, true, true]);
    let deleted = [1, 1, 1].map(|limit| store.write(|r| r.jobs().delete_expired(after(1_000), limit)));
    assert_eq!(deleted, [1, 1, 0]);
    assert_eq!(kept(store), [false, false, false, true]);
}
