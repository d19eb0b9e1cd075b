//! What this instance adds while the log is being read.

use std::sync::Weak;

use doorward_domain::id::SessionId;
use doorward_domain::store::{Repositories, Verdict};
use doorward_domain::subject::SubjectVersion;
use doorward_testkit::{MemoryStore, sample, sample::START};

use super::*;

type AfterRead = Box<dyn FnMut() + Send>;

/// A store that does something after each read, before its caller can use the result.
#[derive(Default)]
struct InterruptedReads {
    memory: MemoryStore,
    after_read: Mutex<Option<AfterRead>>,
}

impl UnitOfWork for InterruptedReads {
    fn write(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        self.memory.write(work)
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        self.memory.read(work)?;
        if let Some(after_read) = hold(&self.after_read).as_mut() {
            after_read();
        }
        Ok(())
    }

    fn check(&self) -> StoreResult<()> {
        self.memory.check()
    }
}

fn cache() -> (Arc<InterruptedReads>, Arc<RevocationCache>) {
    let store = Arc::new(InterruptedReads::default());
    revoke(&store, &Revoked::Session(SessionId::from_bytes([1; 16])));
    let life = Duration::from_secs(905);
    let cache = RevocationCache::open(store.clone(), Arc::new(|| START), life).unwrap();
    (store, cache)
}

fn revoke(store: &InterruptedReads, revoked: &Revoked) {
    let revoked = core::slice::from_ref(revoked);
    store
        .transaction(|r| -> StoreResult<()> { r.revocations().append(revoked, START) })
        .unwrap();
}

/// As on a quiet system, whose last entry was deleted because of its age.
#[test]
fn a_user_who_is_disabled_while_another_log_is_read_stays_disabled() {
    let (store, cache) = cache();
    let later = START + Duration::from_secs(1);
    let deleted = store.transaction(|r| -> StoreResult<u64> { r.revocations().delete_expired(later, 10) });
    assert_eq!(deleted, Ok(1));
    let claims = sample::claims(1, SessionId::from_bytes([2; 16]));
    let disabled = Revoked::Subject {
        subject: claims.subject.clone(),
        lowest_version: SubjectVersion::new(claims.subject_version.get() + 1),
    };
    let (in_store, in_cache) = (Arc::downgrade(&store), Arc::downgrade(&cache));
    let mut reads = 0;
    *hold(&store.after_read) = Some(Box::new(move || {
        reads += 1;
        // The first read finds that the last entry is gone, the second begins at the start of the log.
        if reads == 2 {
            revoke(&in_store.upgrade().unwrap(), &disabled);
            let own = [(disabled.clone(), START)];
            in_cache.upgrade().unwrap().add_own(&own);
        }
    }));
    assert_eq!(cache.status(&claims), RevocationStatus::Valid);
    for _ in 0..3 {
        cache.refresh().unwrap();
        assert_eq!(cache.status(&claims), RevocationStatus::Revoked);
    }
    assert!(cache.current().own.is_empty());
}

#[tokio::test]
async fn waiting_for_own_revocations_does_not_wait_for_later_ones() {
    let (store, cache) = cache();
    let add_another = {
        let cache: Weak<RevocationCache> = Arc::downgrade(&cache);
        let mut number = 2_u64;
        move || {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&number.to_be_bytes());
            number += 1;
            let revoked = Revoked::Session(SessionId::from_bytes(id));
            if let Some(cache) = cache.upgrade() {
                cache.add_own(&[(revoked, START)]);
            }
        }
    };
    *hold(&store.after_read) = Some(Box::new(add_another));
    cache.add_own(&[(Revoked::Session(SessionId::from_bytes([9; 16])), START)]);
    cache.start_refreshing().unwrap();
    let start = now();
    cache.own_read().await;
    assert!(now().duration_since(start) < REFRESH_TIMEOUT);
    cache.stop();
}
