//! Generated histories of jobs: several workers claim, settle early and late, or crash, while time passes.

use core::cell::RefCell;
use core::time::Duration;
use std::collections::BTreeMap;

use doorward_application::{ClaimJobs, JobError, Missed, SettleJob, Settlement};
use doorward_domain::clock::ClockReading;
use doorward_domain::id::JobId;
use doorward_domain::job::{DedupeKey, Job, JobCounts, JobKind, JobState, NewJob, Retry, RetryPolicy};
use doorward_domain::store::{Transactions as _, UnitOfWork};
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::time::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::sample::{self, START};

const WORKERS: usize = 3;
const LEASE: Duration = Duration::from_secs(60);
const MICROSECOND: Duration = Duration::from_micros(1);

/// How long after it is due a job is given up.
const GIVE_UP_AFTER: Duration = Duration::from_secs(300);

/// Few attempts, so that histories reach the end of it.
const POLICY: RetryPolicy = RetryPolicy {
    delays: &[Duration::from_secs(1), Duration::from_secs(30)],
    then: Duration::from_secs(90),
};

/// The most attempts that a job can have before it is given up: one a shortest wait, or a lease.
const MOST_ATTEMPTS: u64 = GIVE_UP_AFTER.as_secs() / RetryPolicy::MIN_DELAY.as_secs() + 1;

#[derive(Debug, Clone)]
pub(super) enum JobStep {
    Enqueue {
        key: Option<u8>,
        delay: Duration,
    },
    Claim {
        worker: usize,
        limit: u32,
    },
    /// Settles the job that the worker has held for longest.
    Settle {
        worker: usize,
        result: Result<(), JobError>,
    },
    /// The worker forgets all that it holds.
    Crash {
        worker: usize,
    },
    Wait(Duration),
}

pub(super) fn history(longest: usize) -> impl Strategy<Value = Vec<JobStep>> {
    let delay = prop_oneof![Just(Duration::ZERO), Just(MICROSECOND), Just(LEASE)];
    let result = prop_oneof![
        3 => Just(Ok(())),
        4 => Just(Err(JobError::Retry("planted".to_owned()))),
        1 => Just(Err(JobError::Permanent("planted".to_owned()))),
    ];
    let wait = prop_oneof![
        4 => Just(Duration::from_secs(1)),
        2 => Just(MICROSECOND),
        2 => Just(LEASE.saturating_sub(MICROSECOND)),
        3 => Just(LEASE),
        1 => Just(GIVE_UP_AFTER),
        3 => (0_u64..100_000_000).prop_map(Duration::from_micros),
    ];
    let step = prop_oneof![
        4 => (prop::option::of(0_u8..3), delay).prop_map(|(key, delay)| JobStep::Enqueue { key, delay }),
        6 => (0..WORKERS, 1_u32..4).prop_map(|(worker, limit)| JobStep::Claim { worker, limit }),
        6 => (0..WORKERS, result).prop_map(|(worker, result)| JobStep::Settle { worker, result }),
        1 => (0..WORKERS).prop_map(|worker| JobStep::Crash { worker }),
        6 => wait.prop_map(JobStep::Wait),
    ];
    prop::collection::vec(step, 1..=longest)
}

/// The reference: what becomes of one job.
#[derive(Debug)]
struct Expected {
    attempts: u32,
    due_at: Timestamp,
    give_up_at: Timestamp,
    key: Option<u8>,
    end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Completed,
    Dead,
}

/// One history on a store. Its jobs have a kind of their own, so that many histories can use one store.
struct Queue<'a> {
    store: &'a dyn UnitOfWork,
    history: u32,
    kind: JobKind,
    now: Timestamp,
    expected: BTreeMap<JobId, Expected>,
    /// What each worker holds, the longest held first.
    held: [Vec<Job>; WORKERS],
    /// Until when the latest claim of each job that was not settled is good.
    leases: BTreeMap<JobId, Timestamp>,
}

/// Performs a history, and then lets the workers do what is left.
pub(super) fn run(store: &dyn UnitOfWork, history: u32, steps: &[JobStep]) -> Result<(), TestCaseError> {
    let letters: String = history
        .to_string()
        .bytes()
        .map(|digit| char::from(digit - b'0' + b'a'))
        .collect();
    let mut queue = Queue {
        store,
        history,
        kind: JobKind::parse(&letters).expect("a kind"),
        now: START,
        expected: BTreeMap::new(),
        held: [const { Vec::new() }; WORKERS],
        leases: BTreeMap::new(),
    };
    for step in steps {
        queue.perform(step)?;
        queue.compare()?;
    }
    queue.finish()
}

impl Queue<'_> {
    fn perform(&mut self, step: &JobStep) -> Result<(), TestCaseError> {
        match step {
            JobStep::Enqueue { key, delay } => self.enqueue(*key, *delay),
            JobStep::Claim { worker, limit } => self.claim(*worker, *limit),
            JobStep::Settle { worker, result } => self.settle(*worker, result),
            JobStep::Crash { worker } => {
                self.held[*worker].clear();
                Ok(())
            }
            JobStep::Wait(span) => {
                self.now = self.now + *span;
                Ok(())
            }
        }
    }

    fn enqueue(&mut self, key: Option<u8>, delay: Duration) -> Result<(), TestCaseError> {
        let number = u32::try_from(self.expected.len()).expect("few jobs");
        let due_at = self.now + delay;
        let job = NewJob {
            kind: self.kind.clone(),
            dedupe_key: key
                .map(|key| DedupeKey::new(format!("{} {key}", self.history)).expect("a short key")),
            created_at: self.now,
            due_at,
            give_up_at: due_at + GIVE_UP_AFTER,
            ..sample::job(self.history * 10_000 + number)
        };
        let is_held = key.is_some()
            && self
                .expected
                .values()
                .any(|other| other.key == key && other.end.is_none());
        let queued = self
            .store
            .transaction(|repos| -> StoreResult<_> { repos.jobs().enqueue(&job) });
        prop_assert_eq!(queued, Ok(!is_held));
        if !is_held {
            let expected = Expected {
                attempts: 0,
                due_at,
                give_up_at: job.give_up_at,
                key,
                end: None,
            };
            self.expected.insert(job.id, expected);
        }
        Ok(())
    }

    fn claim(&mut self, worker: usize, limit: u32) -> Result<(), TestCaseError> {
        let mut due: Vec<(Timestamp, JobId)> = self
            .expected
            .iter()
            .filter(|(_, job)| job.end.is_none() && job.due_at <= self.now)
            .map(|(id, job)| (job.due_at, *id))
            .collect();
        due.sort_unstable();
        due.truncate(usize::try_from(limit).expect("a small number"));
        let claim = ClaimJobs {
            store: self.store,
            kind: &self.kind,
            lease: LEASE,
            missed: Missed::Bury,
        };
        let claimed = claim
            .execute(limit, ClockReading::trusted(self.now))
            .map_err(|error| failed(&error))?;
        let is_on_time = |id: &JobId| self.expected[id].give_up_at > self.now;
        let (to_run, too_late): (Vec<JobId>, Vec<JobId>) =
            due.into_iter().map(|(_, id)| id).partition(is_on_time);
        let ids = |jobs: &[Job]| jobs.iter().map(|job| job.id).collect::<Vec<_>>();
        prop_assert_eq!(ids(&claimed.jobs), to_run);
        prop_assert_eq!(ids(&claimed.given_up), too_late);
        for job in claimed.jobs.iter().chain(&claimed.given_up) {
            let lease = self.leases.insert(job.id, self.now + LEASE);
            prop_assert!(lease.is_none_or(|end| end <= self.now), "two live leases");
            let expected = self.expected.get_mut(&job.id).expect("a known job");
            expected.attempts += 1;
            expected.due_at = self.now + LEASE;
            prop_assert_eq!(job.attempts, expected.attempts);
            prop_assert!(u64::from(job.attempts) <= MOST_ATTEMPTS + 1);
        }
        for job in &claimed.given_up {
            self.expected.get_mut(&job.id).expect("a known job").end = Some(End::Dead);
        }
        self.held[worker].extend(claimed.jobs);
        Ok(())
    }

    fn settle(&mut self, worker: usize, result: &Result<(), JobError>) -> Result<(), TestCaseError> {
        if self.held[worker].is_empty() {
            return Ok(());
        }
        let job = self.held[worker].remove(0);
        let expected = self.expected.get_mut(&job.id).expect("a known job");
        let predicted = if expected.end.is_some() || expected.attempts != job.attempts {
            Settlement::TakenOver
        } else {
            self.leases.remove(&job.id);
            match result {
                Ok(()) => {
                    expected.end = Some(End::Completed);
                    Settlement::Completed
                }
                Err(JobError::Retry(_)) => {
                    match POLICY.next_attempt(
                        job.attempts,
                        expected.give_up_at,
                        ClockReading::trusted(self.now),
                    ) {
                        Retry::At(at) => {
                            expected.due_at = at;
                            Settlement::Retried(at)
                        }
                        Retry::Dead => {
                            expected.end = Some(End::Dead);
                            Settlement::Dead
                        }
                    }
                }
                Err(JobError::Permanent(_)) => {
                    expected.end = Some(End::Dead);
                    Settlement::Dead
                }
            }
        };
        let settle = SettleJob {
            store: self.store,
            policy: &POLICY,
        };
        prop_assert_eq!(
            settle.execute(&job, result, ClockReading::trusted(self.now)),
            Ok(predicted)
        );
        Ok(())
    }

    /// The store has what the reference says: no job is lost, none comes back.
    fn compare(&self) -> Result<(), TestCaseError> {
        let found = RefCell::new(Vec::new());
        let counts = self
            .store
            .snapshot(|repos| -> StoreResult<_> {
                found.borrow_mut().clear();
                for id in self.expected.keys() {
                    found.borrow_mut().push(repos.jobs().find(*id)?);
                }
                repos.jobs().count(&self.kind)
            })
            .map_err(|error| failed(&error))?;
        let mut expected_counts = JobCounts::default();
        for (expected, found) in self.expected.values().zip(found.into_inner()) {
            match expected.end {
                Some(End::Completed) => prop_assert_eq!(found, None),
                Some(End::Dead) => {
                    expected_counts.dead += 1;
                    prop_assert!(matches!(found.map(|job| job.state), Some(JobState::Dead(_))));
                }
                None => {
                    expected_counts.ready += 1;
                    let found = found.ok_or_else(|| TestCaseError::fail("a job was lost"))?;
                    prop_assert_eq!(
                        (found.attempts, found.due_at, found.state),
                        (expected.attempts, expected.due_at, JobState::Ready)
                    );
                }
            }
        }
        prop_assert_eq!(counts, expected_counts);
        Ok(())
    }

    /// Every attempt fails from now on: within the bound every job has ended.
    fn finish(&mut self) -> Result<(), TestCaseError> {
        let last = self.expected.values().map(|job| job.give_up_at).max();
        let bound = last.unwrap_or(self.now).max(self.now) + LEASE;
        while self.expected.values().any(|job| job.end.is_none()) {
            let due = self.expected.values().filter(|job| job.end.is_none());
            let next = due.map(|job| job.due_at).min().unwrap_or(self.now);
            self.now = self.now.max(next);
            prop_assert!(self.now <= bound, "jobs are left after the bound");
            self.claim(0, 100)?;
            while !self.held[0].is_empty() {
                self.settle(0, &Err(JobError::Retry("planted".to_owned())))?;
            }
        }
        self.compare()
    }
}

fn failed(error: &StoreError) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}
