//! Races for jobs.

use std::collections::BTreeSet;
use std::thread;

use doorward_domain::id::JobId;
use doorward_domain::job::{DedupeKey, JobFailure, NewJob};
use doorward_domain::store::Transactions as _;
use doorward_domain::store_error::StoreError;

use crate::contract::StoreUnderTest;
use crate::contract::store::threads::{MOMENT, THREADS, on_another_thread, race};
use crate::sample::{self, JOB_KIND, START, after};

fn number(racer: usize) -> u32 {
    u32::try_from(racer).expect("few threads")
}

/// Of several transactions that queue a job with one key, one succeeds, in every round.
pub fn concurrent_jobs_with_one_key_have_one_winner(store: &dyn StoreUnderTest) {
    for round in 0..8 {
        let answers = race(THREADS, |racer| {
            let job = NewJob {
                dedupe_key: DedupeKey::new(format!("round {round}")).ok(),
                ..sample::job(round * 100 + number(racer))
            };
            store.write(|r| r.jobs().enqueue(&job))
        });
        assert_eq!(
            answers.iter().filter(|queued| **queued).count(),
            1,
            "round {round}"
        );
    }
    assert_eq!(store.read(|r| r.jobs().count(&JOB_KIND)).ready, 8);
}

/// Concurrent claimers share the jobs: each job is claimed by one of them, and none is left.
pub fn concurrent_claims_share_the_jobs(store: &dyn StoreUnderTest) {
    let jobs: BTreeSet<JobId> = (1..=40).map(|number| sample::job(number).id).collect();
    for number in 1..=40 {
        store.write(|r| r.jobs().enqueue(&sample::job(number)));
    }
    let claimed = race(THREADS, |_| {
        let mut claimed = Vec::new();
        // A claimer that passes over what others hold may come away with nothing while jobs are left: it asks again.
        while store
            .read(|r| r.jobs().next_due(&JOB_KIND))
            .is_some_and(|due| due <= START)
        {
            claimed.extend(store.write(|r| r.jobs().claim(&JOB_KIND, START, after(60), 3)));
        }
        claimed
    });
    let claimed: Vec<JobId> = claimed.into_iter().flatten().map(|job| job.id).collect();
    assert_eq!(claimed.len(), jobs.len(), "a job was claimed twice");
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>(), jobs);
    assert!(
        jobs.iter()
            .all(|id| store.job(*id).is_some_and(|job| job.attempts == 1))
    );
}

/// Of a completion and a claim of a job whose lease has ended, one succeeds.
pub fn a_late_completion_and_a_new_claim_exclude_each_other(store: &dyn StoreUnderTest) {
    for round in 1..=12 {
        let id = sample::job(round).id;
        store.write(|r| r.jobs().enqueue(&sample::job(round)));
        assert_eq!(store.claim_one(START).id, id);
        let answers = race(2, |racer| {
            if racer == 0 {
                store.write(|r| r.jobs().complete(id, 1))
            } else {
                let claimed = store.write(|r| r.jobs().claim(&JOB_KIND, after(60), after(120), 1));
                !claimed.is_empty()
            }
        });
        // On PostgreSQL a claim passes over a job that is being completed at that moment.
        let (completed, is_claimed) = (answers[0], answers[1]);
        assert_ne!(completed, is_claimed, "round {round}");
        assert_eq!(store.job(id).is_some(), is_claimed, "round {round}");
        if is_claimed {
            let failure = JobFailure::new("over");
            assert!(store.write(|r| r.jobs().bury(id, 2, START, &failure)));
        }
    }
}

/// A claim that is rolled back leaves the job as it was.
pub fn a_claim_that_is_rolled_back_leases_nothing(store: &dyn StoreUnderTest) {
    store.write(|r| r.jobs().enqueue(&sample::job(1)));
    let outcome: Result<(), StoreError> = store.store().transaction(|r| {
        assert_eq!(r.jobs().claim(&JOB_KIND, START, after(60), 1)?.len(), 1);
        Err(StoreError::Unavailable("a crash".to_owned()))
    });
    assert!(outcome.is_err());
    let claimed = on_another_thread(|| {
        thread::sleep(MOMENT);
        store.claim_one(START)
    });
    assert_eq!(claimed.attempts, 1);
}
