use doorward_domain::id::JobId;
use doorward_domain::job::{DedupeKey, Job, JobCounts, JobFailure, JobKind, JobRepository, JobState, NewJob};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use super::retention::delete_expired;
use super::state::State;
use super::transaction::Transaction;

impl JobRepository for Transaction {
    fn enqueue(&mut self, job: &NewJob) -> StoreResult<bool> {
        let state = self.change()?;
        let is_queued =
            job.dedupe_key.is_some() && state.jobs.values().any(|(_, held)| *held == job.dedupe_key);
        if is_queued {
            return Ok(false);
        }
        if state.jobs.contains_key(&job.id) {
            return self.refuse("there is a job of that id");
        }
        // Every field is named, so that a new one has to be decided upon here.
        let NewJob {
            id,
            kind,
            payload,
            dedupe_key,
            created_at,
            due_at,
            give_up_at,
        } = job.clone();
        let job = Job {
            id,
            kind,
            payload,
            attempts: 0,
            created_at,
            due_at,
            give_up_at,
            state: JobState::Ready,
            last_failure: None,
        };
        state.jobs.insert(id, (job, dedupe_key));
        Ok(true)
    }

    fn find(&mut self, id: JobId) -> StoreResult<Option<Job>> {
        Ok(self.look()?.jobs.get(&id).map(|(job, _)| job.clone()))
    }

    fn next_due(&mut self, kind: &JobKind) -> StoreResult<Option<Timestamp>> {
        let jobs = self.look()?.jobs.values();
        let ready = jobs.filter(|(job, _)| job.kind == *kind && job.state == JobState::Ready);
        Ok(ready.map(|(job, _)| job.due_at).min())
    }

    fn claim(
        &mut self,
        kind: &JobKind,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<Job>> {
        let jobs = self.change()?.jobs.values_mut().map(|(job, _)| job);
        let mut due: Vec<&mut Job> = jobs
            .filter(|job| job.kind == *kind && job.state == JobState::Ready && job.due_at <= now)
            .collect();
        due.sort_by_key(|job| (job.due_at, job.id));
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let claim = |job: &mut Job| {
            job.due_at = lease_until;
            job.attempts += 1;
            job.clone()
        };
        Ok(due.into_iter().map(claim).collect())
    }

    fn complete(&mut self, id: JobId, attempt: u32) -> StoreResult<bool> {
        let state = self.change()?;
        let is_held = held(state, id, attempt).is_some();
        if is_held {
            state.jobs.remove(&id);
        }
        Ok(is_held)
    }

    fn retry(
        &mut self,
        id: JobId,
        attempt: u32,
        due_at: Timestamp,
        failure: &JobFailure,
    ) -> StoreResult<bool> {
        let held = held(self.change()?, id, attempt);
        Ok(held
            .map(|(job, _)| {
                job.due_at = due_at;
                job.last_failure = Some(failure.clone());
            })
            .is_some())
    }

    fn bury(&mut self, id: JobId, attempt: u32, now: Timestamp, failure: &JobFailure) -> StoreResult<bool> {
        let held = held(self.change()?, id, attempt);
        Ok(held
            .map(|(job, dedupe_key)| {
                job.state = JobState::Dead(now);
                job.last_failure = Some(failure.clone());
                *dedupe_key = None;
            })
            .is_some())
    }

    fn count(&mut self, kind: &JobKind) -> StoreResult<JobCounts> {
        let mut counts = JobCounts::default();
        for (job, _) in self.look()?.jobs.values().filter(|(job, _)| job.kind == *kind) {
            match job.state {
                JobState::Ready => counts.ready += 1,
                JobState::Dead(_) => counts.dead += 1,
            }
        }
        Ok(counts)
    }

    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let jobs = &mut self.change()?.jobs;
        Ok(delete_expired(
            |keep| jobs.retain(|_, (job, _)| keep(job)),
            |job: &Job| matches!(job.state, JobState::Dead(at) if at < before),
            limit,
        ))
    }
}

/// The job, if it is ready and its latest claim is that attempt.
fn held(state: &mut State, id: JobId, attempt: u32) -> Option<&mut (Job, Option<DedupeKey>)> {
    state
        .jobs
        .get_mut(&id)
        .filter(|(job, _)| job.attempts == attempt && job.state == JobState::Ready)
}
