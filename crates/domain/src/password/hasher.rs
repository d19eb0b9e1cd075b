//! The port that hashes passwords.

use crate::account::PasswordDigest;
use crate::entropy::Entropy;

use super::PlainPassword;

/// Hashing failed, for example for lack of memory. Input from clients never causes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("hashing failed: {0}")]
pub struct HashError(pub String);

/// The result of verifying a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// The password matches the digest.
    Match {
        /// Whether the digest has weaker parameters than are configured now, and should be replaced.
        outdated: bool,
    },
    /// The password does not match.
    Mismatch,
    /// The digest cannot be used: not a PHC string of a known algorithm, with parameters above the limits, or with a pepper that
    /// is not configured.
    Unusable,
}

/// Hashes passwords and verifies them against digests.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait PasswordHasher: Send + Sync {
    /// Hashes a password with the configured parameters and a fresh salt.
    fn hash(&self, password: &PlainPassword, entropy: &dyn Entropy) -> Result<PasswordDigest, HashError>;

    /// Verifies a password. MUST bound the digest's parameters before running them, and MUST cost as much as
    /// [`verify_nothing`](Self::verify_nothing) when the digest is unusable.
    fn verify(&self, password: &PlainPassword, digest: &PasswordDigest) -> Result<Verification, HashError>;

    /// Does the work of a verification when there is no account, so that timing does not reveal it. MUST cost what
    /// [`verify`](Self::verify) costs for a digest with the configured parameters.
    fn verify_nothing(&self, password: &PlainPassword) -> Result<(), HashError>;

    /// Wipes the memory that hashing on the calling thread has used. To be called by every thread that hashes, when it has
    /// no more work at the moment.
    fn rest(&self) {}
}
