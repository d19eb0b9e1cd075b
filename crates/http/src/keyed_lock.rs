//! One guess on a record at a time.
//!
//! A guess is counted before it is verified, so guesses that run side by side can never outrun the count; but twenty
//! *valid* logins of one user at once would then look like twenty guesses. Taking them in turn, each is forgiven before
//! the next is counted. The gate waits asynchronously, before the lanes: it holds no thread.
//!
//! Turns are taken at the record that a guess counts on, so strangers never stand before an owner at a known network.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorward_domain::attempt::AttemptKey;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How many may wait for one record. The ones beyond are refused: each of those waiting takes a turn of tens of
/// milliseconds.
const MAX_WAITING: usize = 64;

/// How long is waited for a turn, at most. Turns of a moment add up where hashing is slow.
const PATIENCE: Duration = Duration::from_secs(10);

/// Too many are waiting for this record already, or those before take too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many guesses at one account at once")]
pub(crate) struct QueueFull;

/// Lets guesses on one record through one at a time.
#[derive(Default)]
pub(crate) struct KeyedLock {
    doors: Arc<Mutex<HashMap<AttemptKey, Door>>>,
}

struct Door {
    turns: Arc<Semaphore>,
    /// Those inside and those waiting.
    users: usize,
}

/// A turn at a record; the next comes when this is dropped.
pub(crate) struct KeyedGuard {
    permit: Option<OwnedSemaphorePermit>,
    _place: Place,
}

/// A place in the queue of one record. The record is forgotten with its last place.
struct Place {
    doors: Arc<Mutex<HashMap<AttemptKey, Door>>>,
    key: AttemptKey,
}

impl KeyedLock {
    /// Waits for a turn at the record of that key.
    pub(crate) async fn enter(&self, key: AttemptKey) -> Result<KeyedGuard, QueueFull> {
        let (turns, place) = self.take_place(key)?;
        let turn = timeout(PATIENCE, turns.acquire_owned());
        // The semaphore is never closed: a missing permit cannot happen and would only cost the order of turns.
        let permit = turn.await.map_err(|_elapsed| QueueFull)?.ok();
        Ok(KeyedGuard {
            permit,
            _place: place,
        })
    }

    fn take_place(&self, key: AttemptKey) -> Result<(Arc<Semaphore>, Place), QueueFull> {
        let mut doors = lock(&self.doors);
        let door = doors.entry(key).or_insert_with(|| Door {
            turns: Arc::new(Semaphore::new(1)),
            users: 0,
        });
        if door.users > MAX_WAITING {
            return Err(QueueFull);
        }
        door.users += 1;
        Ok((
            Arc::clone(&door.turns),
            Place {
                doors: Arc::clone(&self.doors),
                key,
            },
        ))
    }
}

impl Drop for KeyedGuard {
    fn drop(&mut self) {
        // The turn ends before the place is given up.
        self.permit.take();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut doors = lock(&self.doors);
        if let Some(door) = doors.get_mut(&self.key) {
            door.users -= 1;
            if door.users == 0 {
                doors.remove(&self.key);
            }
        }
    }
}

/// Nothing panics while the lock is held, so a poisoned lock guards a sound map.
fn lock(doors: &Mutex<HashMap<AttemptKey, Door>>) -> MutexGuard<'_, HashMap<AttemptKey, Door>> {
    doors.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn key(number: u8) -> AttemptKey {
        AttemptKey::from_bytes([number; 32])
    }

    #[tokio::test]
    async fn turns_at_one_record_do_not_overlap_and_leave_nothing_behind() {
        let gate = Arc::new(KeyedLock::default());
        let inside = Arc::new(AtomicUsize::new(0));
        let visits: Vec<_> = (0..20)
            .map(|_| {
                let (gate, inside) = (Arc::clone(&gate), Arc::clone(&inside));
                tokio::spawn(async move {
                    let _turn = gate.enter(key(1)).await.unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        for visit in visits {
            visit.await.unwrap();
        }
        assert!(lock(&gate.doors).is_empty());
    }

    #[tokio::test]
    async fn records_do_not_wait_for_each_other() {
        let gate = KeyedLock::default();
        let _first = gate.enter(key(1)).await.unwrap();
        let _second = gate.enter(key(2)).await.unwrap();
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_given_up_places_are_free_again() {
        let gate = Arc::new(KeyedLock::default());
        let turn = gate.enter(key(1)).await.unwrap();
        let waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| gate.take_place(key(1)).unwrap())
            .collect();
        assert_eq!(gate.enter(key(1)).await.err(), Some(QueueFull));
        drop(waiting);
        drop(turn);
        assert!(gate.enter(key(1)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever_and_who_gives_up_leaves_no_place_behind() {
        let gate = KeyedLock::default();
        let turn = gate.enter(key(1)).await.unwrap();
        assert_eq!(gate.enter(key(1)).await.err(), Some(QueueFull));
        drop(turn);
        assert!(lock(&gate.doors).is_empty());
    }
}
