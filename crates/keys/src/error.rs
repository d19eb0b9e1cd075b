//! Errors of opening and using keys.

use doorward_domain::key::{KeyPurpose, SealedKey};
use doorward_domain::store_error::StoreError;

/// The cryptographic library failed. Input from clients never causes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library failed")]
pub struct CryptoError;

impl From<aws_lc_rs::error::Unspecified> for CryptoError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self
    }
}

impl From<aws_lc_rs::error::KeyRejected> for CryptoError {
    fn from(_: aws_lc_rs::error::KeyRejected) -> Self {
        Self
    }
}

impl From<doorward_jwt::InvalidPublicKey> for CryptoError {
    /// For the public half of a key pair that the library itself holds.
    fn from(_: doorward_jwt::InvalidPublicKey) -> Self {
        Self
    }
}

/// The stored keys cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyOpenError {
    /// The store is unavailable, or its content cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key was sealed under a master key other than the configured one.
    #[error(
        "the {} key {ordinal} was sealed under another master key: is keys.master_key the right one? \
         The previous one can be given as keys.previous_master_key", .purpose.as_str()
    )]
    WrongMasterKey {
        /// The purpose of the key.
        purpose: KeyPurpose,
        /// The ordinal of the key within its purpose.
        ordinal: u32,
    },
    /// A key was sealed under neither of the two configured master keys.
    #[error("the {} key {ordinal} was sealed under neither keys.master_key nor keys.previous_master_key", .purpose.as_str())]
    NeitherMasterKey {
        /// The purpose of the key.
        purpose: KeyPurpose,
        /// The ordinal of the key within its purpose.
        ordinal: u32,
    },
    /// A key was sealed under the configured master key, but its row was altered since.
    #[error("the {} key {ordinal} is damaged: its row was altered", .purpose.as_str())]
    Damaged {
        /// The purpose of the key.
        purpose: KeyPurpose,
        /// The ordinal of the key within its purpose.
        ordinal: u32,
    },
    /// A key is for an algorithm that this version does not support.
    #[error("the {} key {ordinal} is for {algorithm}, which this version does not support", .purpose.as_str())]
    UnknownAlgorithm {
        /// The purpose of the key.
        purpose: KeyPurpose,
        /// The ordinal of the key within its purpose.
        ordinal: u32,
        /// The algorithm.
        algorithm: String,
    },
    /// The store has no key of this purpose, although one was made.
    #[error("the store has no {} key", .0.as_str())]
    NoKey(KeyPurpose),
    /// The cryptographic library failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl KeyOpenError {
    pub(crate) fn unknown_algorithm(key: &SealedKey) -> Self {
        Self::UnknownAlgorithm {
            purpose: key.purpose,
            ordinal: key.ordinal,
            algorithm: key.algorithm.clone(),
        }
    }
}
