//! The port for stored keys.

use crate::store_error::StoreResult;

use super::{KeyPurpose, SealedKey};

/// Stored keys, sealed.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait KeyRepository {
    /// The keys of that purpose, in the order of their ordinals.
    fn list(&mut self, purpose: KeyPurpose) -> StoreResult<Vec<SealedKey>>;

    /// Stores a new key. MUST return `false`, change nothing and leave the transaction usable when there is a key with the
    /// same purpose and ordinal, also when another transaction adds it at the same time.
    fn insert(&mut self, key: &SealedKey) -> StoreResult<bool>;

    /// Replaces the sealed form of the key of that purpose, ordinal and id. MUST change no other field. Returns whether
    /// the key exists.
    fn reseal(&mut self, key: &SealedKey) -> StoreResult<bool>;

    /// Deletes the key of that purpose and ordinal. MUST leave all others unchanged. Returns whether it existed.
    fn delete(&mut self, purpose: KeyPurpose, ordinal: u32) -> StoreResult<bool>;
}
