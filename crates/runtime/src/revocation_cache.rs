//! The recent revocations, in memory, kept up with the store.
//!
//! Every token check is a look-up in this list. A thread of its own reads what is new from the store
//! four times a second, on a connection of its own, so that neither a storm of requests nor a full lane keeps it from
//! doing so. A request that revokes something has the list brought up to date before it is answered: on this instance
//! what was ended is over when the client is answered, on the others within the bound.
//!
//! When the list has not been brought up to date for longer than the bound, it is not known what was revoked meanwhile,
//! and no token is accepted. A check that finds the list too old waits for the reading under way, unless the last one
//! failed: a thread that was not given the processor in time is a matter of milliseconds, a store that is away is not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::thread;
use std::time::{Duration, Instant};

use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::time::Timestamp;
use doorward_domain::token::{AccessClaims, RevocationDigests, RevocationList};
use doorward_domain::token::{RevocationCheck, RevocationStatus};
use tokio::sync::Notify;
use tokio::time::timeout;

use doorward_application::Clock;

/// How often the store is read.
const INTERVAL: Duration = Duration::from_millis(250);

/// How old the list may be and still be used: the bound within which a revocation takes effect everywhere.
const BOUND: Duration = Duration::from_secs(1);

/// How long a check waits for a list that is stale.
const PATIENCE: Duration = Duration::from_secs(1);

/// How much longer entries are kept than a token can live: for clocks of instances that differ, and for revocations that
/// waited for a lock after they were dated.
const MARGIN: Duration = Duration::from_secs(120);

/// How many entries are read at once.
const BATCH: u32 = 1000;

/// The list of what was revoked, and the way to keep it up to date.
pub struct RevocationCache {
    store: Arc<dyn UnitOfWork>,
    clock: Clock,
    /// How long after it was issued an access token may be accepted.
    life: Duration,
    current: RwLock<Current>,
    /// Held while the store is read, so that entries are added in their order.
    reading: Mutex<()>,
    /// Whether the last reading failed.
    is_failing: AtomicBool,
    /// Notified when a reading has ended.
    has_read: Notify,
    stopped: Mutex<bool>,
    wake: Condvar,
}

struct Current {
    list: RevocationList,
    /// When the last reading that succeeded *began*: what was committed before is in the list.
    read_at: Instant,
    /// The same by the wall clock, for publication.
    as_of: Timestamp,
}

/// The list as it is published to other services.
pub struct PublishedRevocations {
    /// Everything revoked before this instant is in the list.
    pub as_of: Timestamp,
    /// How long an entry matters.
    pub life: Duration,
    /// The entries.
    pub digests: RevocationDigests,
}

impl RevocationCache {
    /// Reads everything that still matters, once.
    pub(crate) fn open(store: Arc<dyn UnitOfWork>, clock: Clock, life: Duration) -> StoreResult<Arc<Self>> {
        let current = Current {
            list: RevocationList::new(life + MARGIN),
            read_at: now(),
            as_of: clock(),
        };
        let cache = Self {
            store,
            clock,
            life,
            current: RwLock::new(current),
            reading: Mutex::new(()),
            is_failing: AtomicBool::new(false),
            has_read: Notify::new(),
            stopped: Mutex::new(false),
            wake: Condvar::new(),
        };
        cache.read()?;
        Ok(Arc::new(cache))
    }

    /// Follows the store on a thread of its own until it is stopped.
    pub(crate) fn follow(self: &Arc<Self>) -> std::io::Result<()> {
        let cache = Arc::clone(self);
        thread::Builder::new()
            .name("revocations".to_owned())
            .spawn(move || {
                let mut was_well = true;
                while !cache.is_stopped_after(INTERVAL) {
                    was_well = cache.read_and_log(was_well);
                }
            })?;
        Ok(())
    }

    /// Stops following.
    pub(crate) fn stop(&self) {
        *hold(&self.stopped) = true;
        self.wake.notify_all();
    }

    /// Brings the list up to date with everything committed before this is called.
    pub(crate) fn read(&self) -> StoreResult<()> {
        let outcome = self.read_what_is_new();
        self.is_failing.store(outcome.is_err(), Ordering::Release);
        self.has_read.notify_waiters();
        outcome
    }

    fn read_what_is_new(&self) -> StoreResult<()> {
        let asked = now();
        let _turn = hold(&self.reading);
        let (latest, known_until) = {
            let current = self.current();
            if current.read_at >= asked {
                // Somebody else has read meanwhile, and began after this was asked for.
                return Ok(());
            }
            (current.list.latest(), current.as_of)
        };
        let (read_at, as_of) = (now(), (self.clock)());
        // A clock that was ahead may have had entries forgotten that matter now that it is set back: read them again.
        let mut anew = (as_of < known_until).then(|| RevocationList::new(self.life + MARGIN));
        let mut after = if anew.is_some() { 0 } else { latest };
        loop {
            let entries = self
                .store
                .snapshot(|repos| -> Result<_, StoreError> { repos.revocations().after(after, BATCH) })?;
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            let list = anew.as_mut().unwrap_or(&mut current.list);
            for entry in &entries {
                list.add(entry);
            }
            after = list.latest().max(after);
            if entries.len() < usize::try_from(BATCH).unwrap_or(usize::MAX) {
                list.prune(as_of);
                if let Some(anew) = anew {
                    current.list = anew;
                }
                current.read_at = read_at;
                current.as_of = as_of;
                return Ok(());
            }
        }
    }

    fn current(&self) -> RwLockReadGuard<'_, Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was added after the entry `number`; `None` when the list is stale.
    pub fn published_after(&self, number: u64) -> Option<PublishedRevocations> {
        let current = self.current();
        current.is_fresh().then(|| PublishedRevocations {
            as_of: current.as_of,
            life: self.life,
            digests: current.list.digests_after(number, current.as_of - self.life),
        })
    }

    /// Whether the list is recent enough to be used.
    pub fn is_fresh(&self) -> bool {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_fresh()
    }

    /// Waits until the list is recent enough, or the last reading has failed, for at most a second.
    pub async fn caught_up(&self) {
        let fresh_or_failing = async {
            loop {
                let has_read = self.has_read.notified();
                if self.is_fresh() || self.is_failing.load(Ordering::Acquire) {
                    return;
                }
                has_read.await;
            }
        };
        // The caller looks at the list again, whatever came of the wait.
        let _ = timeout(PATIENCE, fresh_or_failing).await;
    }

    /// Reads, and logs when that begins to fail and when it works again, not each time.
    fn read_and_log(&self, was_well: bool) -> bool {
        match self.read() {
            Ok(()) => {
                if !was_well {
                    tracing::info!("the log of revocations can be read again");
                }
                true
            }
            Err(error) => {
                if was_well {
                    tracing::error!(cause = %error, "the log of revocations cannot be read; soon no access token is accepted");
                }
                false
            }
        }
    }

    fn is_stopped_after(&self, wait: Duration) -> bool {
        let stopped = hold(&self.stopped);
        let (stopped, _) = self
            .wake
            .wait_timeout_while(stopped, wait, |stopped| !*stopped)
            .unwrap_or_else(PoisonError::into_inner);
        *stopped
    }
}

impl Current {
    fn is_fresh(&self) -> bool {
        now().duration_since(self.read_at) <= BOUND
    }
}

impl RevocationCheck for RevocationCache {
    fn status(&self, claims: &AccessClaims) -> RevocationStatus {
        let current = self.current();
        if current.list.revokes(claims) {
            // Whatever else may have happened: nothing takes a revocation back.
            RevocationStatus::Revoked
        } else if current.is_fresh() {
            RevocationStatus::Valid
        } else {
            RevocationStatus::Unknown
        }
    }
}

/// What the locks guard is whole at every instant, so a poisoned one guards a sound state.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the age of the list is measured on a clock that nobody can set back"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use doorward_domain::account::Roles;
    use doorward_domain::id::{SessionId, TokenId, UserId};
    use doorward_domain::subject::SubjectVersion;
    use doorward_domain::token::Revoked;
    use doorward_testkit::{MemoryStore, sample::START};

    use super::*;

    const LIFE: Duration = Duration::from_secs(905);

    fn claims(session: u8) -> AccessClaims {
        AccessClaims {
            subject: UserId::from_bytes([1; 16]).into(),
            session_id: SessionId::from_bytes([session; 16]),
            token_id: TokenId::from_bytes([1; 16]),
            subject_version: SubjectVersion::FIRST,
            roles: Roles::user(),
            email: None,
            issued_at: START,
            expires_at: START,
            authentication: None,
        }
    }

    fn revoke(store: &MemoryStore, session: u8) {
        let revoked = [Revoked::Session(SessionId::from_bytes([session; 16]))];
        store
            .transaction(|r| -> Result<(), StoreError> { r.revocations().append(&revoked, START) })
            .unwrap();
    }

    fn cache() -> (Arc<MemoryStore>, Arc<RevocationCache>) {
        let store = Arc::new(MemoryStore::new());
        let cache = RevocationCache::open(store.clone(), Arc::new(|| START), LIFE).unwrap();
        (store, cache)
    }

    #[test]
    fn what_was_revoked_before_the_start_is_known_at_once() {
        let store = Arc::new(MemoryStore::new());
        for session in 0..=255 {
            for _ in 0..10 {
                revoke(&store, session);
            }
        }
        let cache = RevocationCache::open(store, Arc::new(|| START), LIFE).unwrap();
        assert!((0..=255).all(|session| cache.status(&claims(session)) == RevocationStatus::Revoked));
        assert_eq!(cache.published_after(0).unwrap().digests.latest, 2560);
    }

    #[test]
    fn a_thread_keeps_the_list_up_to_date() {
        let (store, cache) = cache();
        cache.follow().unwrap();
        assert_eq!(cache.status(&claims(7)), RevocationStatus::Valid);
        revoke(&store, 7);
        let begun = now();
        while cache.status(&claims(7)) != RevocationStatus::Revoked {
            assert!(now().duration_since(begun) < BOUND, "not within the bound");
            thread::sleep(Duration::from_millis(5));
        }
        cache.stop();
    }

    #[test]
    fn a_clock_that_was_ahead_for_a_moment_revives_nothing() {
        let store = Arc::new(MemoryStore::new());
        let clock = Arc::new(doorward_testkit::Clock::at(START));
        let cache = {
            let clock = Arc::clone(&clock);
            RevocationCache::open(store.clone(), Arc::new(move || clock.now()), LIFE).unwrap()
        };
        revoke(&store, 7);
        cache.read().unwrap();
        clock.set(START + 10 * LIFE);
        cache.read().unwrap();
        clock.set(START);
        cache.read().unwrap();
        assert_eq!(cache.status(&claims(7)), RevocationStatus::Revoked);
    }

    #[test]
    fn an_old_list_accepts_nothing_and_goes_on_refusing() {
        let (store, cache) = cache();
        revoke(&store, 7);
        cache.read().unwrap();
        store.fail_with(Some(StoreError::Unavailable("planted".to_owned())));
        assert!(cache.read().is_err());
        thread::sleep(BOUND + Duration::from_millis(20));
        assert_eq!(cache.status(&claims(8)), RevocationStatus::Unknown);
        assert_eq!(cache.status(&claims(7)), RevocationStatus::Revoked);
        assert!(cache.published_after(0).is_none());
        store.fail_with(None);
        cache.read().unwrap();
        assert_eq!(cache.status(&claims(8)), RevocationStatus::Valid);
    }

    #[tokio::test]
    async fn an_old_list_is_waited_for_while_nothing_says_that_it_stays_old() {
        let (store, cache) = cache();
        thread::sleep(BOUND + Duration::from_millis(20));
        assert_eq!(cache.status(&claims(7)), RevocationStatus::Unknown);
        let late = Arc::clone(&cache);
        let reader = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            late.read()
        });
        cache.caught_up().await;
        assert_eq!(cache.status(&claims(7)), RevocationStatus::Valid);
        reader.join().unwrap().unwrap();

        store.fail_with(Some(StoreError::Unavailable("planted".to_owned())));
        thread::sleep(BOUND + Duration::from_millis(20));
        assert!(cache.read().is_err());
        let begun = now();
        cache.caught_up().await;
        assert!(
            now().duration_since(begun) < PATIENCE,
            "a store that is away was waited for"
        );
        assert_eq!(cache.status(&claims(7)), RevocationStatus::Unknown);
    }
}
