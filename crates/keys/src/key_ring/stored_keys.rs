//! The sealed keys, as stored.

use core::fmt;

use doorward_domain::key::{KeyPurpose, SealedKey};
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

/// Every key in the store, in the order of their ordinals.
#[derive(PartialEq, Eq)]
pub(crate) struct StoredKeys {
    signing: Vec<SealedKey>,
    refresh: Vec<SealedKey>,
}

impl StoredKeys {
    pub(crate) fn load(store: &dyn UnitOfWork) -> StoreResult<Self> {
        store.snapshot(|repositories| {
            let keys = repositories.keys();
            Ok(Self {
                signing: keys.list(KeyPurpose::AccessSigning)?,
                refresh: keys.list(KeyPurpose::RefreshSealing)?,
            })
        })
    }

    /// The keys of that purpose.
    pub(crate) fn of(&self, purpose: KeyPurpose) -> &[SealedKey] {
        match purpose {
            KeyPurpose::AccessSigning => &self.signing,
            KeyPurpose::RefreshSealing => &self.refresh,
        }
    }

    /// When the keys of that purpose were made.
    pub(crate) fn times(&self, purpose: KeyPurpose) -> Vec<Timestamp> {
        self.of(purpose).iter().map(|key| key.created_at).collect()
    }
}

impl fmt::Debug for StoredKeys {
    /// Prints the key ids only.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.signing.iter().chain(&self.refresh);
        formatter.debug_list().entries(keys.map(|key| &key.id)).finish()
    }
}
