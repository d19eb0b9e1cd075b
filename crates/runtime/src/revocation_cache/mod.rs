//! The recent revocations in memory.
//!
//! Every token check is a look-up in this list. A background thread reads new revocations from the store four times a
//! second, on its own database connection, so that neither load nor a full lane delays it. What a use case revokes is added to
//! the list before the response is sent: on this instance a revocation takes effect at once, on others within [`MAX_AGE`].
//!
//! Each read begins with the last entry seen. If that is gone, the log is another one: the database was restored, or a standby
//! that lacked the last transactions has taken over. Then the whole log is read.
//!
//! When the list is older than [`MAX_AGE`], recent revocations are unknown and no token is accepted. A check that finds the
//! list stale waits for the next refresh, unless the last one failed: a delayed thread catches up within milliseconds, an
//! unavailable store does not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::thread;
use std::time::{Duration, Instant};

use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;
use doorward_domain::token::{AccessClaims, CLOCK_MARGIN, RevocationDigests, RevocationList};
use doorward_domain::token::{ListContent, LogPage, LogPosition, Revoked};
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
    thread: Mutex<ThreadState>,
    wake: Condvar,
}

/// What the background thread is to do.
#[derive(Default)]
struct ThreadState {
    is_stopped: bool,
    is_requested: bool,
}

struct Current {
    list: RevocationList,
    /// What this instance has added since the last successful refresh started, in the order of time: the log, as it was read,
    /// may lack it.
    own: Vec<OwnEntry>,
    /// When the last successful refresh *started*: the list contains everything that was committed before.
    refreshed_at: Instant,
    /// The same instant on the wall clock, for publication.
    as_of: ClockReading,
}

/// What this instance has committed.
struct OwnEntry {
    revoked: Revoked,
    at: Timestamp,
    added_at: Instant,
}

/// A description of the list, for publication to other services.
pub struct PublishedRevocations {
    /// The list is complete up to this instant.
    pub as_of: Timestamp,
    /// How long an entry is listed: the life of an access token, and the margin for clocks that differ.
    pub life: Duration,
    /// The position after the last entry read.
    pub cursor: LogPosition,
    /// Identifies what is listed.
    pub content: ListContent,
    /// Changes with the list, in this instance.
    pub changes: u64,
}

/// What was read of the log.
#[derive(Default)]
struct NewEntries {
    /// Pages with the positions from which they were read.
    pages: Vec<(LogPosition, LogPage)>,
    /// Whether it is another log than the one that was read before, and was read from its start.
    is_another_log: bool,
}

impl RevocationCache {
    /// Creates a cache and reads all recent revocations.
    pub(crate) fn open(store: Arc<dyn UnitOfWork>, clock: Clock, life: Duration) -> StoreResult<Arc<Self>> {
        let clock = WatchedClock::new(clock);
        let current = Current {
            list: RevocationList::new(life + CLOCK_MARGIN),
            own: Vec::new(),
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
            thread: Mutex::default(),
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
        hold(&self.thread).is_stopped = true;
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
        let (seen, previous_as_of) = {
            let current = self.current();
            if current.refreshed_at >= called_at {
                // Another thread has refreshed the list in the meantime, and started after this call.
                return Ok(());
            }
            (current.list.position().clone(), current.as_of)
        };
        let (refreshed_at, as_of) = (now(), self.clock.read());
        // If the clock was ahead and is set back, pruned entries may be needed again.
        let is_set_back = as_of.now < previous_as_of.now;
        let start = if is_set_back { LogPosition::start() } else { seen };
        let read = self.read_from(start)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let current = &mut *current;
        current.own.retain(|own| own.added_at >= refreshed_at);
        if read.is_another_log {
            current.list.begin_another_log();
            // Committed after the read, perhaps; or lost with the other log, which revokes too much and only for a while.
            for own in &current.own {
                current.list.add_own(&own.revoked, own.at);
            }
        } else if is_set_back {
            current.list.read_again();
        }
        for (position, page) in &read.pages {
            current.list.add_page(position, page);
        }
        // Other services need what a clock that is wrong takes for old.
        if as_of.tells_age_of_revocations(self.life) {
            current.list.prune(as_of.now);
        }
        current.refreshed_at = refreshed_at;
        current.as_of = as_of;
        Ok(())
    }

    /// Reads everything after a position; from the start if the log is not the one that the position refers to.
    fn read_from(&self, start: LogPosition) -> StoreResult<NewEntries> {
        let mut read = NewEntries::default();
        let (mut position, mut limit) = (start, BATCH);
        loop {
            let page = self
                .store
                .snapshot(|repos| -> StoreResult<_> { repos.revocations().after(&position, limit) })?;
            if !position.is_continued_by(&page) {
                // Also when everything was deleted because of its age: then nothing is read twice.
                read = NewEntries {
                    pages: Vec::new(),
                    is_another_log: true,
                };
                position = LogPosition::start();
                continue;
            }
            let is_last = page.entries.len() < usize::try_from(limit).unwrap_or(usize::MAX);
            let next = position.after(&page);
            if next.latest() == position.latest() {
                // The page may be full of one transaction.
                limit = limit.saturating_mul(2);
            }
            read.pages.push((std::mem::replace(&mut position, next), page));
            if is_last {
                return Ok(read);
            }
        }
    }

    /// Adds what this instance has just committed, which takes effect at once. The background thread will read it from the
    /// log.
    pub(crate) fn add_own(&self, revoked: &[(Revoked, Timestamp)]) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let added_at = now();
        for (revoked, at) in revoked {
            current.list.add_own(revoked, *at);
            current.own.push(OwnEntry {
                revoked: revoked.clone(),
                at: *at,
                added_at,
            });
        }
    }

    fn current(&self) -> RwLockReadGuard<'_, Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Describes the list for publication; `None` if it is stale.
    pub fn published(&self) -> Option<PublishedRevocations> {
        let current = self.current();
        current.is_fresh().then(|| PublishedRevocations {
            as_of: current.as_of.now,
            life: current.list.life(),
            cursor: current.list.cursor(),
            content: current.list.content(),
            changes: current.list.changes(),
        })
    }

    /// Everything listed, as of that number of changes. Takes milliseconds if the list is long.
    pub fn all(&self) -> (u64, RevocationDigests) {
        let current = self.current();
        (current.list.changes(), current.list.digests())
    }

    /// Whether `position` is one of the log that was read, and not its start.
    pub fn knows(&self, position: &LogPosition) -> bool {
        self.current().list.knows(position)
    }

    /// What was added after `position`; `None` if it is not a position of the log that was read.
    pub fn after(&self, position: &LogPosition) -> Option<RevocationDigests> {
        self.current().list.digests_after(position)
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
        self.refreshed_until(Current::is_fresh).await;
    }

    /// Waits until what this instance had revoked before this call was read from the log, so that it has a position; for at
    /// most a second.
    pub async fn own_read(&self) {
        let added_at = self.current().own.last().map(|own| own.added_at);
        if let Some(added_at) = added_at {
            self.request_refresh();
            self.refreshed_until(|current| current.refreshed_at >= added_at)
                .await;
        }
    }

    /// Waits until everything was read that had been committed before this call, which is a matter of the next regular read;
    /// for at most a second. Callers cannot make the database be read more often.
    pub async fn all_read(&self) {
        let called_at = now();
        self.refreshed_until(|current| current.refreshed_at >= called_at)
            .await;
    }

    /// Waits until the list meets a condition, or a refresh has failed, for at most a second. The caller checks the list again
    /// in either case.
    async fn refreshed_until(&self, is_met: impl Fn(&Current) -> bool) {
        let met_or_failing = async {
            loop {
                let refreshed = self.refreshed.notified();
                if is_met(&self.current()) || self.is_failing.load(Ordering::Acquire) {
                    return;
                }
                refreshed.await;
            }
        };
        let _ = timeout(REFRESH_TIMEOUT, met_or_failing).await;
    }

    /// Makes the background thread read now.
    fn request_refresh(&self) {
        hold(&self.thread).is_requested = true;
        self.wake.notify_all();
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
        let thread = hold(&self.thread);
        let (mut thread, _) = self
            .wake
            .wait_timeout_while(thread, wait, |thread| !thread.is_stopped && !thread.is_requested)
            .unwrap_or_else(PoisonError::into_inner);
        thread.is_requested = false;
        thread.is_stopped
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
mod own_tests;

#[cfg(test)]
mod tests;
