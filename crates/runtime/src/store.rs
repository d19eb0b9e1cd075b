//! The store of the use cases. When a commit revokes something, it takes effect on this instance before the response is sent;
//! when a commit queues a job, a worker wakes up.

use std::sync::Arc;

use doorward_domain::store::{Repositories, RepositoryWatch, UnitOfWork, Verdict};
use doorward_domain::store_error::StoreResult;
use tracing::debug_span;

use crate::jobs::JobWake;
use crate::revocation_cache::RevocationCache;

/// Decorates a store: refreshes the revocation cache after each writing transaction that used the log of revocations, and
/// wakes the workers after each that used the queue of jobs.
pub(crate) struct RefreshingStore {
    store: Arc<dyn UnitOfWork>,
    revocations: Arc<RevocationCache>,
    jobs: Arc<JobWake>,
}

impl RefreshingStore {
    pub(crate) fn new(
        store: Arc<dyn UnitOfWork>,
        revocations: Arc<RevocationCache>,
        jobs: Arc<JobWake>,
    ) -> Self {
        Self {
            store,
            revocations,
            jobs,
        }
    }
}

impl UnitOfWork for RefreshingStore {
    fn write(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        let (mut has_revoked, mut has_queued) = (false, false);
        let transaction = debug_span!("transaction", mode = "write").entered();
        // An error does not mean that nothing was committed: the response of the database may have been lost.
        let written = self.store.write(&mut |repositories| {
            let mut watch = RepositoryWatch::over(repositories);
            let verdict = work(&mut watch);
            has_revoked = watch.is_log_used();
            has_queued = verdict == Verdict::Commit && watch.is_queue_used();
            verdict
        });
        drop(transaction);
        if has_queued {
            self.jobs.notify();
        }
        if has_revoked {
            // A failure is not reported here: the cache's own thread will fail and log it.
            let _ = self.revocations.refresh();
        }
        written
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        debug_span!("transaction", mode = "read").in_scope(|| self.store.read(work))
    }

    fn check(&self) -> StoreResult<()> {
        self.store.check()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use doorward_domain::id::SessionId;
    use doorward_domain::store::Transactions as _;
    use doorward_domain::store_error::StoreError;
    use doorward_domain::token::{AccessClaims, RevocationCheck as _, RevocationStatus, Revoked};
    use doorward_testkit::{MemoryStore, sample};

    use super::*;

    const SESSION: SessionId = SessionId::from_bytes([2; 16]);

    fn claims() -> AccessClaims {
        sample::claims(1, SESSION)
    }

    #[test]
    fn a_committed_revocation_takes_effect_at_once_and_a_rolled_back_one_never() {
        let memory = Arc::new(MemoryStore::new());
        let clock: doorward_application::Clock = Arc::new(|| sample::START);
        let revocations = RevocationCache::open(memory.clone(), clock, Duration::from_secs(905)).unwrap();
        let store = RefreshingStore::new(memory, Arc::clone(&revocations), Arc::default());
        let revoke = |commits: bool| {
            store.transaction(|repos| -> Result<(), StoreError> {
                repos
                    .revocations()
                    .append(&[Revoked::Session(SESSION)], sample::START)?;
                if commits {
                    Ok(())
                } else {
                    Err(StoreError::Unavailable("planted".to_owned()))
                }
            })
        };
        revoke(false).unwrap_err();
        assert_eq!(revocations.status(&claims()), RevocationStatus::Valid);
        revoke(true).unwrap();
        assert_eq!(revocations.status(&claims()), RevocationStatus::Revoked);
    }

    /// As a logout that is repeated on this instance after another one has ended the session.
    #[test]
    fn a_revocation_of_another_instance_takes_effect_once_the_log_is_accessed() {
        let memory = Arc::new(MemoryStore::new());
        let clock: doorward_application::Clock = Arc::new(|| sample::START);
        let revocations = RevocationCache::open(memory.clone(), clock, Duration::from_secs(905)).unwrap();
        let store = RefreshingStore::new(memory.clone(), Arc::clone(&revocations), Arc::default());
        let elsewhere = memory.transaction(|repos| {
            repos
                .revocations()
                .append(&[Revoked::Session(SESSION)], sample::START)
        });
        elsewhere.unwrap();
        assert_eq!(revocations.status(&claims()), RevocationStatus::Valid);
        let accessed = store.transaction(|repos| -> Result<(), StoreError> {
            repos.revocations();
            Ok(())
        });
        accessed.unwrap();
        assert_eq!(revocations.status(&claims()), RevocationStatus::Revoked);
    }

    #[test]
    fn a_committed_job_wakes_the_workers_and_a_rolled_back_one_does_not() {
        let memory = Arc::new(MemoryStore::new());
        let clock: doorward_application::Clock = Arc::new(|| sample::START);
        let revocations = RevocationCache::open(memory.clone(), clock, Duration::from_secs(905)).unwrap();
        let wake = Arc::<JobWake>::default();
        let store = RefreshingStore::new(memory, revocations, Arc::clone(&wake));
        let queued = |commits: bool| {
            let before = wake.position();
            let _ = store.transaction(|repos| -> Result<(), StoreError> {
                repos.jobs().enqueue(&sample::job(1))?;
                if commits {
                    Ok(())
                } else {
                    Err(StoreError::Unavailable("planted".to_owned()))
                }
            });
            wake.position() - before
        };
        assert_eq!((queued(false), queued(true)), (0, 1));
        let reading = store.snapshot(|repos| repos.jobs().find(sample::job(1).id));
        assert!(reading.is_ok_and(|job| job.is_some()));
        assert_eq!(wake.position(), 1);
    }
}
