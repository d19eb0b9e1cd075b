//! The port that hashes passwords.

use crate::account::PasswordDigest;
use crate::entropy::Entropy;

use super::PlainPassword;

/// A password that could not be hashed. Nothing that a client sends causes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("hashing failed: {0}")]
pub struct HashError(pub String);

/// What verifying a password found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// It is the password.
    Match {
        /// Whether the digest was made with weaker parameters than are configured now and should be made again.
        outdated: bool,
    },
    /// It is not.
    Mismatch,
    /// The digest cannot be used: not a PHC string of a known algorithm, or with parameters beyond what is ever run.
    Unusable,
}

/// Makes and checks password digests.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait PasswordHasher: Send + Sync {
    /// Hashes a password with the configured parameters and a fresh salt.
    fn hash(&self, password: &PlainPassword, entropy: &dyn Entropy) -> Result<PasswordDigest, HashError>;

    /// Verifies a password. MUST bound the digest's parameters before running them, and MUST cost as much as
    /// [`verify_nothing`](Self::verify_nothing) when the digest is unusable.
    fn verify(&self, password: &PlainPassword, digest: &PasswordDigest) -> Result<Verification, HashError>;

    /// Does the work of verifying a password where there is no account, and finds nothing. MUST cost what
    /// [`verify`](Self::verify) costs for a digest with the configured parameters.
    fn verify_nothing(&self, password: &PlainPassword) -> Result<(), HashError>;

    /// Clears what the hashing of the calling thread has left in memory. To be called by every thread that hashes, when
    /// it has nothing to hash for the moment.
    fn rest(&self) {}
}
