//! One attempt on a record at a time.
//!
//! An attempt is counted before it is verified, so attempts that run side by side can never outrun the count; but twenty
//! *valid* logins of one user at once would then look like twenty attempts. Taking them one by one, each is forgiven before
//! the next is counted. The lock waits asynchronously, before the lanes: it holds no thread.
//!
//! The key is that of the record that an attempt counts on, so strangers never delay an owner at a known network.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorward_domain::attempt::AttemptKey;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How many may wait for one key. The ones beyond are refused: each of those waiting holds the lock for tens of
/// milliseconds.
const MAX_WAITING: usize = 64;

/// How long is waited for the lock, at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// Too many are waiting for this key already, or those before take too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts at one account at once")]
pub struct QueueFull;

impl QueueFull {
    /// When it is worth trying again: about what those waiting take.
    pub const RETRY_AFTER: Duration = Duration::from_secs(2);
}

/// Lets attempts on one record through one at a time.
#[derive(Default)]
pub(crate) struct KeyedLock {
    entries: Arc<Mutex<HashMap<AttemptKey, Entry>>>,
}

struct Entry {
    lock: Arc<Semaphore>,
    /// Who holds the lock and those who wait for it.
    users: usize,
}

/// The lock of one key, held until this is dropped.
pub(crate) struct KeyedGuard {
    permit: Option<OwnedSemaphorePermit>,
    _place: Place,
}

/// A place in the queue of one key. The entry is removed with its last place.
struct Place {
    entries: Arc<Mutex<HashMap<AttemptKey, Entry>>>,
    key: AttemptKey,
}

impl KeyedLock {
    /// Waits for the lock of that key.
    pub(crate) async fn acquire(&self, key: AttemptKey) -> Result<KeyedGuard, QueueFull> {
        let (lock, place) = self.take_place(key)?;
        let permit = timeout(PATIENCE, lock.acquire_owned());
        // The semaphore is never closed, so the permit is never missing.
        let permit = permit.await.map_err(|_elapsed| QueueFull)?.ok();
        Ok(KeyedGuard {
            permit,
            _place: place,
        })
    }

    fn take_place(&self, key: AttemptKey) -> Result<(Arc<Semaphore>, Place), QueueFull> {
        let mut entries = hold(&self.entries);
        let entry = entries.entry(key).or_insert_with(|| Entry {
            lock: Arc::new(Semaphore::new(1)),
            users: 0,
        });
        if entry.users > MAX_WAITING {
            return Err(QueueFull);
        }
        entry.users += 1;
        Ok((
            Arc::clone(&entry.lock),
            Place {
                entries: Arc::clone(&self.entries),
                key,
            },
        ))
    }
}

impl Drop for KeyedGuard {
    fn drop(&mut self) {
        // The lock is released before the place is given up.
        self.permit.take();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut entries = hold(&self.entries);
        if let Some(entry) = entries.get_mut(&self.key) {
            entry.users -= 1;
            if entry.users == 0 {
                entries.remove(&self.key);
            }
        }
    }
}

/// Nothing panics while the lock is held, so a poisoned lock guards a sound map.
fn hold(entries: &Mutex<HashMap<AttemptKey, Entry>>) -> MutexGuard<'_, HashMap<AttemptKey, Entry>> {
    entries.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn key(number: u8) -> AttemptKey {
        AttemptKey::from_bytes([number; 32])
    }

    #[tokio::test]
    async fn one_key_is_held_once_at_a_time_and_leaves_nothing_behind() {
        let lock = Arc::new(KeyedLock::default());
        let inside = Arc::new(AtomicUsize::new(0));
        let visits: Vec<_> = (0..20)
            .map(|_| {
                let (lock, inside) = (Arc::clone(&lock), Arc::clone(&inside));
                tokio::spawn(async move {
                    let _guard = lock.acquire(key(1)).await.unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        for visit in visits {
            visit.await.unwrap();
        }
        assert!(hold(&lock.entries).is_empty());
    }

    #[tokio::test]
    async fn keys_do_not_wait_for_each_other() {
        let lock = KeyedLock::default();
        let _first = lock.acquire(key(1)).await.unwrap();
        let _second = lock.acquire(key(2)).await.unwrap();
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_given_up_places_are_free_again() {
        let lock = Arc::new(KeyedLock::default());
        let guard = lock.acquire(key(1)).await.unwrap();
        let waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| lock.take_place(key(1)).unwrap())
            .collect();
        assert_eq!(lock.acquire(key(1)).await.err(), Some(QueueFull));
        drop(waiting);
        drop(guard);
        assert!(lock.acquire(key(1)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever_and_who_gives_up_leaves_no_place_behind() {
        let lock = KeyedLock::default();
        let guard = lock.acquire(key(1)).await.unwrap();
        assert_eq!(lock.acquire(key(1)).await.err(), Some(QueueFull));
        drop(guard);
        assert!(hold(&lock.entries).is_empty());
    }
}
