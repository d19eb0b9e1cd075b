//! The store of the use cases, which refreshes the revocation cache: a revocation takes effect on this instance before the
//! response is sent.

use std::sync::Arc;

use doorward_domain::store::{Repositories, RevocationWatch, UnitOfWork, Verdict};
use doorward_domain::store_error::StoreResult;
use tracing::debug_span;

use crate::revocation_cache::RevocationCache;

/// Decorates a store: refreshes the revocation cache after each commit that wrote a revocation.
pub(crate) struct RefreshingStore {
    store: Arc<dyn UnitOfWork>,
    revocations: Arc<RevocationCache>,
}

impl RefreshingStore {
    pub(crate) fn new(store: Arc<dyn UnitOfWork>, revocations: Arc<RevocationCache>) -> Self {
        Self { store, revocations }
    }
}

impl UnitOfWork for RefreshingStore {
    fn write(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        let mut has_revoked = false;
        let transaction = debug_span!("transaction", mode = "write").entered();
        self.store.write(&mut |repositories| {
            let mut watch = RevocationWatch::over(repositories);
            let verdict = work(&mut watch);
            has_revoked = verdict == Verdict::Commit && watch.is_log_used();
            verdict
        })?;
        drop(transaction);
        if has_revoked {
            // A failure is not reported here: the cache's own thread will fail and log it.
            let _ = self.revocations.refresh();
        }
        Ok(())
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

    use doorward_domain::id::{SessionId, TokenId, UserId};
    use doorward_domain::store::Transactions as _;
    use doorward_domain::store_error::StoreError;
    use doorward_domain::subject::SubjectVersion;
    use doorward_domain::token::{AccessClaims, RevocationCheck as _, RevocationStatus, Revoked};
    use doorward_testkit::{MemoryStore, sample};

    use super::*;

    const SESSION: SessionId = SessionId::from_bytes([2; 16]);

    fn claims() -> AccessClaims {
        AccessClaims {
            subject: UserId::from_bytes([1; 16]).into(),
            session_id: SESSION,
            token_id: TokenId::from_bytes([3; 16]),
            subject_version: SubjectVersion::FIRST,
            roles: doorward_domain::account::Roles::user(),
            email: None,
            issued_at: sample::START,
            expires_at: sample::START + Duration::from_secs(900),
            authentication: None,
        }
    }

    #[test]
    fn a_committed_revocation_takes_effect_at_once_and_a_rolled_back_one_never() {
        let memory = Arc::new(MemoryStore::new());
        let clock: doorward_application::Clock = Arc::new(|| sample::START);
        let revocations = RevocationCache::open(memory.clone(), clock, Duration::from_secs(905)).unwrap();
        let store = RefreshingStore::new(memory, Arc::clone(&revocations));
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
}
