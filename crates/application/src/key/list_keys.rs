//! Looking at the keys, for the operator.

use doorward_domain::key::{KeyId, KeyPolicy, KeyPurpose, KeyState, SealedKey};
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

/// Lists the keys of the deployment with what each is doing. It opens none.
pub struct ListKeys<'a> {
    /// Where keys are kept.
    pub store: &'a dyn UnitOfWork,
    /// When they are used and forgotten.
    pub policy: &'a KeyPolicy,
}

/// A key, without what is secret about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEntry {
    /// Names it.
    pub id: KeyId,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// Its place in the line of keys of that purpose.
    pub ordinal: u32,
    /// The algorithm it is used with.
    pub algorithm: String,
    /// What it is doing.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when it makes tokens.
    pub first_use: Timestamp,
    /// Until when it is kept, for the tokens that it made; `None` while there is no key after it.
    pub kept_until: Option<Timestamp>,
}

impl ListKeys<'_> {
    /// The keys as they are at `now`, by purpose and in the order in which they take over.
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
