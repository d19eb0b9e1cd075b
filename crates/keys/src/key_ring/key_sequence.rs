//! The opened keys of one purpose.

use doorward_domain::key::{KeyPolicy, KeyPurpose, KeySchedule, SealedKey};
use doorward_domain::time::Timestamp;

use super::stored_keys::StoredKeys;
use crate::KeyOpenError;

/// The opened keys of one purpose, of which there is always at least one.
#[derive(Debug)]
pub(crate) struct KeySequence<K> {
    schedule: KeySchedule,
    /// When each key was made, in the order of their ordinals.
    made: Vec<Timestamp>,
    first: K,
    later: Vec<K>,
}

impl<K> KeySequence<K> {
    /// Opens every stored key of `purpose`.
    pub(crate) fn open(
        stored: &StoredKeys,
        purpose: KeyPurpose,
        policy: &KeyPolicy,
        open: impl Fn(&SealedKey) -> Result<K, KeyOpenError>,
    ) -> Result<Self, KeyOpenError> {
        let (first, later) = stored
            .of(purpose)
            .split_first()
            .ok_or(KeyOpenError::NoKey(purpose))?;
        Ok(Self {
            schedule: policy.schedule(purpose),
            made: stored.times(purpose),
            first: open(first)?,
            later: later.iter().map(open).collect::<Result<_, _>>()?,
        })
    }

    /// The key for new tokens at this instant.
    pub(crate) fn current_at(&self, instant: Timestamp) -> &K {
        let index = self.schedule.current(&self.made, instant);
        index
            .and_then(|index| index.checked_sub(1))
            .and_then(|index| self.later.get(index))
            .unwrap_or(&self.first)
    }

    /// Every key, the newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &K> {
        self.later.iter().rev().chain(core::iter::once(&self.first))
    }
}
