//! The list of keys, for the operator.

use doorward_domain::key::{KeyId, KeyPolicy, KeyPurpose, KeyState, SealedKey};
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

/// Lists the keys of the deployment with their states. Does not open their secret parts.
pub struct ListKeys<'a> {
    /// Stores the keys.
    pub store: &'a dyn UnitOfWork,
    /// The rotation policy, which determines the states.
    pub policy: &'a KeyPolicy,
}

/// A key without its secret part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEntry {
    /// Identifies the key.
    pub id: KeyId,
    /// What the key is used for.
    pub purpose: KeyPurpose,
    /// The position in the sequence of keys of that purpose, from 1.
    pub ordinal: u32,
    /// The algorithm, in the adapter's terms.
    pub algorithm: String,
    /// The state now.
    pub state: KeyState,
    /// When the key was created.
    pub created_at: Timestamp,
    /// From when the key makes tokens.
    pub first_use: Timestamp,
    /// Until when the key is stored for its tokens; `None` while there is no later key.
    pub kept_until: Option<Timestamp>,
}

impl ListKeys<'_> {
    /// The keys with their states at `now`, by purpose and ordinal.
    pub fn execute(&self, now: Timestamp) -> StoreResult<Vec<KeyEntry>> {
        let mut entries = Vec::new();
        for purpose in KeyPurpose::ALL {
            let keys = self
                .store
                .snapshot(|repos| -> StoreResult<_> { repos.keys().list(purpose) })?;
            entries.extend(self.entries(purpose, keys, now));
        }
        Ok(entries)
    }

    fn entries(
        &self,
        purpose: KeyPurpose,
        keys: Vec<SealedKey>,
        now: Timestamp,
    ) -> impl Iterator<Item = KeyEntry> {
        let schedule = self.policy.schedule(purpose);
        let line: Vec<Timestamp> = keys.iter().map(|key| key.created_at).collect();
        keys.into_iter().enumerate().map(move |(index, key)| KeyEntry {
            state: schedule.state(&line, index, now),
            first_use: schedule.first_use(&line, index).unwrap_or(key.created_at),
            kept_until: schedule.kept_until(&line, index),
            id: key.id,
            purpose,
            ordinal: key.ordinal,
            algorithm: key.algorithm,
            created_at: key.created_at,
        })
    }
}
