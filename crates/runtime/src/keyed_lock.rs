//! A lock per attempt record: one attempt on a record at a time.
//!
//! An attempt is counted before it is verified, so concurrent attempts cannot exceed the limit. Without this lock, twenty
//! concurrent *valid* logins of one user would count as twenty attempts; with it, each is cleared before the next is
//! counted. Waiting is asynchronous and happens before the lanes, so it occupies no thread.
//!
//! The key is that of the record on which an attempt counts, so attempts from unknown networks do not delay the owner at a
//! known network.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorward_domain::attempt::AttemptKey;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How many may wait for one key; further ones are rejected. Each holds the lock for tens of milliseconds.
const MAX_WAITING: usize = 64;

/// The longest wait for a lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Too many are waiting for the key, or the wait took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many concurrent attempts on one account")]
pub struct QueueFull;

impl QueueFull {
    /// When to retry: about the time that a full queue takes.
    pub const RETRY_AFTER: Duration = Duration::from_secs(2);
}

/// Locks by key. A key has an entry only while it is locked or waited for.
#[derive(Default)]
pub(crate) struct KeyedLock {
    entries: Arc<Mutex<HashMap<AttemptKey, Entry>>>,
}

struct Entry {
    lock: Arc<Semaphore>,
    /// The holder of the lock and those who wait for it.
    users: usize,
}

/// The lock of one key, held until this is dropped.
pub(crate) struct KeyedGuard {
    permit: Option<OwnedSemaphorePermit>,
    _slot: QueueSlot,
}

/// A slot in the queue of a key, including that of the holder. The entry is removed with its last slot.
struct QueueSlot {
    entries: Arc<Mutex<HashMap<AttemptKey, Entry>>>,
    key: AttemptKey,
}

impl KeyedLock {
    /// Waits for the lock of `key`, for at most [`LOCK_TIMEOUT`].
    pub(crate) async fn acquire(&self, key: AttemptKey) -> Result<KeyedGuard, QueueFull> {
        let (lock, slot) = self.take_slot(key)?;
        let permit = timeout(LOCK_TIMEOUT, lock.acquire_owned());
        // The semaphore is never closed, so the permit is never missing.
        let permit = permit.await.map_err(|_elapsed| QueueFull)?.ok();
        Ok(KeyedGuard { permit, _slot: slot })
    }

    fn take_slot(&self, key: AttemptKey) -> Result<(Arc<Semaphore>, QueueSlot), QueueFull> {
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
            QueueSlot {
                entries: Arc::clone(&self.entries),
                key,
            },
        ))
    }
}

impl Drop for KeyedGuard {
    fn drop(&mut self) {
        // The lock is released before the slot.
        self.permit.take();
    }
}

impl Drop for QueueSlot {
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

/// Nothing panics while the lock is held, so a poisoned lock guards a consistent map.
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
    async fn a_key_has_one_holder_at_a_time_and_its_entry_is_removed() {
        let lock = Arc::new(KeyedLock::default());
        let inside = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..20)
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
        for task in tasks {
            task.await.unwrap();
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
    async fn the_queue_is_bounded_and_released_slots_can_be_taken_again() {
        let lock = Arc::new(KeyedLock::default());
        let guard = lock.acquire(key(1)).await.unwrap();
        let waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| lock.take_slot(key(1)).unwrap())
            .collect();
        assert_eq!(lock.acquire(key(1)).await.err(), Some(QueueFull));
        drop(waiting);
        drop(guard);
        assert!(lock.acquire(key(1)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_times_out_and_releases_the_slot() {
        let lock = KeyedLock::default();
        let guard = lock.acquire(key(1)).await.unwrap();
        assert_eq!(lock.acquire(key(1)).await.err(), Some(QueueFull));
        drop(guard);
        assert!(hold(&lock.entries).is_empty());
    }
}
