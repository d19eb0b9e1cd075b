//! The recent revocations in memory.
//!
//! Every token check is a look-up in this list. A background thread reads new revocations from the store four times a
//! second, on its own database connection, so that neither load nor a full lane delays it. A use case that revokes refreshes
//! the list before the response is sent: on this instance a revocation takes effect at once, on others within [`MAX_AGE`].
//!
//! When the list is older than [`MAX_AGE`], recent revocations are unknown and no token is accepted. A check that finds the
//! list stale waits for the next refresh, unless the last one failed: a delayed thread catches up within milliseconds, an
//! unavailable store does not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::thread;
use std::time::{Duration, Instant};

use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::time::Timestamp;
use doorward_domain::token::{AccessClaims, CLOCK_MARGIN, RevocationDigests, RevocationList};
use doorward_domain::token::{RevocationCheck, RevocationStatus};
use tokio::sync::Notify;
use tokio::time::timeout;

use doorward_application::Clock;
use doorward_domain::clock::ClockReading;

use crate::watched_clock::WatchedClock;

/// How often the background thread reads the store.
const INTERVAL: Duration = Duration::from_millis(250);

/// The age from which the list is stale: the time within which a revocation takes effect on every instance.
const MAX_AGE: Duration = Duration::from_secs(1);

/// How long a check waits for a stale list to be refreshed.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(1);

/// Entries per query.
const BATCH: u32 = 1000;

/// The list of recent revocations and its background thread. A look-up takes a read lock; a refresh holds the write lock
/// only while it adds entries.
pub struct RevocationCache {
    store: Arc<dyn UnitOfWork>,
    clock: WatchedClock,
    /// How long an access token is accepted after it was issued.
    life: Duration,
    current: RwLock<Current>,
    /// Held during a refresh, so that entries are added in order.
    refreshing: Mutex<()>,
    /// Whether the last refresh failed.
    is_failing: AtomicBool,
    /// Notified after each refresh.
    refreshed: Notify,
    stopped: Mutex<bool>,
    wake: Condvar,
}

struct Current {
    list: RevocationList,
    /// When the last successful refresh *started*: the list contains everything that was committed before.
    refreshed_at: Instant,
    /// The same instant on the wall clock, for publication.
    as_of: ClockReading,
}

/// The list as published to other services.
pub struct PublishedRevocations {
    /// The list is complete up to this instant.
    pub as_of: Timestamp,
    /// How long an entry is listed.
    pub life: Duration,
    /// The entries.
    pub digests: RevocationDigests,
}

impl RevocationCache {
    /// Creates a cache and reads all recent revocations.
    pub(crate) fn open(store: Arc<dyn UnitOfWork>, clock: Clock, life: Duration) -> StoreResult<Arc<Self>> {
        let clock = WatchedClock::new(clock);
        let current = Current {
            list: RevocationList::new(life + CLOCK_MARGIN),
            refreshed_at: now(),
            as_of: clock.read(),
        };
        let cache = Self {
            store,
            clock,
            life,
            current: RwLock::new(current),
            refreshing: Mutex::new(()),
            is_failing: AtomicBool::new(false),
            refreshed: Notify::new(),
            stopped: Mutex::new(false),
            wake: Condvar::new(),
        };
        cache.refresh()?;
        Ok(Arc::new(cache))
    }

    /// Starts the background thread.
    pub(crate) fn start_refreshing(self: &Arc<Self>) -> std::io::Result<()> {
        let cache = Arc::clone(self);
        thread::Builder::new()
            .name("revocations".to_owned())
            .spawn(move || {
                let mut was_ok = true;
                while !cache.is_stopped_after(INTERVAL) {
                    was_ok = cache.refresh_and_log(was_ok);
                }
            })?;
        Ok(())
    }

    /// Stops the background thread.
    pub(crate) fn stop(&self) {
        *hold(&self.stopped) = true;
        self.wake.notify_all();
    }

    /// Adds every revocation that was committed before this call.
    pub(crate) fn refresh(&self) -> StoreResult<()> {
        let outcome = self.read_new();
        self.is_failing.store(outcome.is_err(), Ordering::Release);
        self.refreshed.notify_waiters();
        outcome
    }

    fn read_new(&self) -> StoreResult<()> {
        let called_at = now();
        let _refreshing = hold(&self.refreshing);
        let (latest, previous_as_of) = {
            let current = self.current();
            if current.refreshed_at >= called_at {
                // Another thread has refreshed the list in the meantime, and started after this call.
                return Ok(());
            }
            (current.list.latest(), current.as_of)
        };
        let (refreshed_at, as_of) = (now(), self.clock.read());
        // If the clock was ahead and is set back, pruned entries may be needed again: rebuild the list.
        let mut rebuilt =
            (as_of.now < previous_as_of.now).then(|| RevocationList::new(self.life + CLOCK_MARGIN));
        let mut after = if rebuilt.is_some() { 0 } else { latest };
        loop {
            let entries = self
                .store
                .snapshot(|repos| -> Result<_, StoreError> { repos.revocations().after(after, BATCH) })?;
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            let list = rebuilt.as_mut().unwrap_or(&mut current.list);
            for entry in &entries {
                list.add(entry);
            }
            after = list.latest().max(after);
            if entries.len() < usize::try_from(BATCH).unwrap_or(usize::MAX) {
                // Other services need what a clock that is wrong takes for old.
                if as_of.tells_age_of_revocations(self.life) {
                    list.prune(as_of.now);
                }
                if let Some(rebuilt) = rebuilt {
                    current.list = rebuilt;
                }
                current.refreshed_at = refreshed_at;
                current.as_of = as_of;
                return Ok(());
            }
        }
    }

    fn current(&self) -> RwLockReadGuard<'_, Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the entries after the entry `number`; `None` if the list is stale.
    pub fn published_after(&self, number: u64) -> Option<PublishedRevocations> {
        let current = self.current();
        let (as_of, life) = (current.as_of, self.life + CLOCK_MARGIN);
        let since = if as_of.tells_age_of_revocations(self.life) {
            as_of.now - life
        } else {
            Timestamp::from_micros(i64::MIN)
        };
        current.is_fresh().then(|| PublishedRevocations {
            as_of: as_of.now,
            life,
            digests: current.list.digests_after(number, since),
        })
    }

    /// Whether the list is recent enough to accept tokens.
    pub fn is_fresh(&self) -> bool {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_fresh()
    }

    /// Waits until the list is fresh or a refresh has failed, for at most a second.
    pub async fn caught_up(&self) {
        let fresh_or_failing = async {
            loop {
                let refreshed = self.refreshed.notified();
                if self.is_fresh() || self.is_failing.load(Ordering::Acquire) {
                    return;
                }
                refreshed.await;
            }
        };
        // The caller checks the list again in either case.
        let _ = timeout(REFRESH_TIMEOUT, fresh_or_failing).await;
    }

    /// Refreshes, and returns whether that succeeded. Logs only the first failure and the recovery.
    fn refresh_and_log(&self, was_ok: bool) -> bool {
        match self.refresh() {
            Ok(()) => {
                if !was_ok {
                    tracing::info!("revocations can be read again");
                }
                true
            }
            Err(error) => {
                if was_ok {
                    tracing::error!(cause = %error, "reading revocations failed, retrying; access tokens are rejected once the list is stale");
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
        now().duration_since(self.refreshed_at) <= MAX_AGE
    }
}

impl RevocationCheck for RevocationCache {
    fn status(&self, claims: &AccessClaims) -> RevocationStatus {
        let current = self.current();
        if current.list.revokes(claims) {
            // Also when the list is stale: a revocation is never undone.
            RevocationStatus::Revoked
        } else if current.is_fresh() {
            RevocationStatus::Valid
        } else {
            RevocationStatus::Unknown
        }
    }
}

/// Nothing panics while a lock is held, so a poisoned lock guards a consistent state.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the age of the list is measured on the monotonic clock, which cannot be set back"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use doorward_domain::id::SessionId;
    use doorward_domain::token::Revoked;
    use doorward_testkit::{MemoryStore, sample, sample::START};

    use super::*;

    const LIFE: Duration = Duration::from_secs(905);

    fn claims(session: u8) -> AccessClaims {
        sample::claims(1, SessionId::from_bytes([session; 16]))
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
    fn revocations_from_before_the_start_take_effect_at_once() {
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
    fn the_background_thread_refreshes_the_list() {
        let (store, cache) = cache();
        cache.start_refreshing().unwrap();
        assert_eq!(cache.status(&claims(7)), RevocationStatus::Valid);
        revoke(&store, 7);
        let start = now();
        while cache.status(&claims(7)) != RevocationStatus::Revoked {
            assert!(now().duration_since(start) < MAX_AGE, "not in time");
            thread::sleep(Duration::from_millis(5));
        }
        cache.stop();
    }

    #[test]
    fn a_clock_that_was_ahead_and_is_set_back_undoes_no_revocation() {
        let store = Arc::new(MemoryStore::new());
        let clock = Arc::new(doorward_testkit::Clock::at(START));
        let cache = {
            let clock = Arc::clone(&clock);
            RevocationCache::open(store.clone(), Arc::new(move || clock.now()), LIFE).unwrap()
        };
        revoke(&store, 7);
        cache.refresh().unwrap();
        clock.set(START + 10 * LIFE);
        cache.refresh().unwrap();
        clock.set(START);
        cache.refresh().unwrap();
        assert_eq!(cache.status(&claims(7)), RevocationStatus::Revoked);
    }

    #[test]
    fn revocations_are_published_for_the_life_of_a_token_and_the_margin_for_clocks() {
        let (store, cache) = cache();
        revoke(&store, 7);
        cache.refresh().unwrap();
        assert_eq!(cache.published_after(0).unwrap().life, LIFE + CLOCK_MARGIN);
        let mut current = cache.current.write().unwrap();
        for (after, listed) in [
            (LIFE, 1),
            (LIFE + CLOCK_MARGIN, 1),
            (LIFE + CLOCK_MARGIN + MAX_AGE, 0),
        ] {
            let as_of = ClockReading::trusted(START + after);
            current.as_of = as_of;
            current.list.prune(as_of.now);
            drop(current);
            assert_eq!(cache.published_after(0).unwrap().digests.sessions.len(), listed);
            current = cache.current.write().unwrap();
        }
    }

    #[test]
    fn a_clock_that_is_ahead_hides_no_revocation_from_other_services() {
        let store = Arc::new(MemoryStore::new());
        let clock = Arc::new(doorward_testkit::Clock::at(START));
        let cache = {
            let clock = Arc::clone(&clock);
            RevocationCache::open(store.clone(), Arc::new(move || clock.now()), LIFE).unwrap()
        };
        revoke(&store, 7);
        cache.refresh().unwrap();
        clock.set(START + 10 * LIFE);
        cache.refresh().unwrap();
        assert_eq!(cache.published_after(0).unwrap().digests.sessions.len(), 1);
    }

    #[test]
    fn with_a_stale_list_no_token_is_valid_and_revoked_ones_stay_revoked() {
        let (store, cache) = cache();
        revoke(&store, 7);
        cache.refresh().unwrap();
        store.fail_with(Some(StoreError::Unavailable("planted".to_owned())));
        assert!(cache.refresh().is_err());
        thread::sleep(MAX_AGE + Duration::from_millis(20));
        assert_eq!(cache.status(&claims(8)), RevocationStatus::Unknown);
        assert_eq!(cache.status(&claims(7)), RevocationStatus::Revoked);
        assert!(cache.published_after(0).is_none());
        store.fail_with(None);
        cache.refresh().unwrap();
        assert_eq!(cache.status(&claims(8)), RevocationStatus::Valid);
    }

    #[tokio::test]
    async fn a_check_waits_for_a_stale_list_unless_the_last_refresh_failed() {
        let (store, cache) = cache();
        thread::sleep(MAX_AGE + Duration::from_millis(20));
        assert_eq!(cache.status(&claims(7)), RevocationStatus::Unknown);
        let late = Arc::clone(&cache);
        let refresh = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            late.refresh()
        });
        cache.caught_up().await;
        assert_eq!(cache.status(&claims(7)), RevocationStatus::Valid);
        refresh.join().unwrap().unwrap();

        store.fail_with(Some(StoreError::Unavailable("planted".to_owned())));
        thread::sleep(MAX_AGE + Duration::from_millis(20));
        assert!(cache.refresh().is_err());
        let start = now();
        cache.caught_up().await;
        assert!(
            now().duration_since(start) < REFRESH_TIMEOUT,
            "waited for an unavailable store"
        );
        assert_eq!(cache.status(&claims(7)), RevocationStatus::Unknown);
    }
}
