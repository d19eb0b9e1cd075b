use crate::identity::{AttemptKey, CanonicalEmail, ClientNetwork, PasswordDigest, PlainPassword};
use crate::time::Timestamp;

use super::Entropy;

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

/// How hard a password is to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrengthEstimate {
    /// From 0 to 4: guessed within 10^3, 10^6, 10^8, 10^10 tries, or more.
    pub score: u8,
    /// Whether it is on the list of the passwords that are tried first.
    pub common: bool,
}

/// Estimates how hard passwords are to guess.
#[expect(
    clippy::needless_lifetimes,
    reason = "mockall wants lifetimes inside types to be named"
)]
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait StrengthEstimator: Send + Sync {
    /// Estimates `password` for somebody whose address, name and the like are `known`.
    fn estimate<'a>(&self, password: &PlainPassword, known: &[&'a str]) -> StrengthEstimate;
}

/// Keeps account of guesses that were refused, so that the audit log tells of a storm of them in few entries.
///
/// A refusal costs no hash, so nothing else would keep whoever guesses on from filling the log and taking up the store.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait RefusedAttempts: Send + Sync {
    /// Notes a refusal on the record of that key. Answers how many there were since an entry was last written about it,
    /// this one included, if one is to be written now: MUST be so for the first.
    fn note(&self, key: &AttemptKey, now: Timestamp) -> Option<u64>;
}

/// Names accounts, and the networks of their owners, in the tables of attempts and known networks.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait AttemptKeys: Send + Sync {
    /// A keyed hash of the address, under a key that is not in the store: the table of attempts must not be a list of
    /// addresses. Equal addresses have equal keys, on every instance.
    fn attempt_key(&self, email: &CanonicalEmail) -> AttemptKey;

    /// The same of the address together with a network: it tells neither of the two, nor that two accounts are used from
    /// one network. MUST differ from every [`attempt_key`](Self::attempt_key).
    fn network_key(&self, email: &CanonicalEmail, network: &ClientNetwork) -> AttemptKey;
}
