//! What can go wrong.

use doorward_domain::ports::StoreError;
use doorward_domain::token::{KeyPurpose, SealedKey};

/// The cryptographic library refused to work. Nothing that a client sends causes it.
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

/// The ring of keys cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The store did not answer, or answered something unreadable.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key was sealed under a master key other than the one at hand.
    #[error(
        "the {} key {ordinal} was sealed under another master key: is keys.master_key the right one? \
         The one before it can be given as keys.previous_master_key", .purpose.as_str()
    )]
    WrongMasterKey {
        /// What the key is for.
        purpose: KeyPurpose,
        /// Which key of that purpose.
        ordinal: u32,
    },
    /// A key was sealed under neither of the two master keys at hand.
    #[error("the {} key {ordinal} was sealed under neither keys.master_key nor keys.previous_master_key", .purpose.as_str())]
    NeitherMasterKey {
        /// What the key is for.
        purpose: KeyPurpose,
        /// Which key of that purpose.
        ordinal: u32,
    },
    /// A key was sealed under the master key at hand, but it or what the store says about it has been altered since.
    #[error("the {} key {ordinal} is damaged: it, or what is stored about it, was altered", .purpose.as_str())]
    Damaged {
        /// What the key is for.
        purpose: KeyPurpose,
        /// Which key of that purpose.
        ordinal: u32,
    },
    /// A key is for an algorithm that this version does not know.
    #[error("the {} key {ordinal} is for {algorithm}, which this version does not know", .purpose.as_str())]
    UnknownAlgorithm {
        /// What the key is for.
        purpose: KeyPurpose,
        /// Which key of that purpose.
        ordinal: u32,
        /// The algorithm.
        algorithm: String,
    },
    /// The store has no key of a purpose, although one was made.
    #[error("the store has no {} key", .0.as_str())]
    NoKey(KeyPurpose),
    /// The cryptographic library refused to work.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl OpenError {
    pub(crate) fn unknown_algorithm(key: &SealedKey) -> Self {
        Self::UnknownAlgorithm {
            purpose: key.purpose,
            ordinal: key.ordinal,
            algorithm: key.algorithm.clone(),
        }
    }
}
