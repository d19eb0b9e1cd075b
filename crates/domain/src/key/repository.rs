//! Where sealed keys are kept.

use crate::store_error::StoreResult;

use super::{KeyPurpose, SealedKey};

/// Sealed keys.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait KeyRepository {
    /// The keys of that purpose, in the order of their ordinals.
    fn list(&mut self, purpose: KeyPurpose) -> StoreResult<Vec<SealedKey>>;

    /// Keeps a new key. MUST answer `false`, change nothing and leave the transaction usable when there is a key of the
    /// same purpose and ordinal, also when another transaction adds it at the same time.
    fn insert(&mut self, key: &SealedKey) -> StoreResult<bool>;

    /// Replaces the sealed form of the key of that purpose, ordinal and id. MUST change nothing else of it. Answers whether
    /// there is such a key.
    fn reseal(&mut self, key: &SealedKey) -> StoreResult<bool>;

    /// Forgets the key of that purpose and ordinal. MUST leave all others alone. Answers whether there was one.
    fn delete(&mut self, purpose: KeyPurpose, ordinal: u32) -> StoreResult<bool>;
}
