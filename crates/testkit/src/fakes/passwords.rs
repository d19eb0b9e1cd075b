use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::Mutex;

use doorward_domain::account::{CanonicalEmail, PasswordDigest};
use doorward_domain::attempt::{AttemptKey, ClientNetwork};
use doorward_domain::attempt::{AttemptKeys, RefusedAttempts};
use doorward_domain::entropy::Entropy;
use doorward_domain::password::PlainPassword;
use doorward_domain::password::{
    HashError, PasswordHasher, StrengthEstimate, StrengthEstimator, Verification,
};
use doorward_domain::time::Timestamp;

use crate::{hold, sample};

use super::checksum;

/// The prefix of digests with the current parameters.
const CURRENT: &str = "fake$";
/// The prefix of digests with weaker parameters.
const OUTDATED: &str = "old$";

/// A hasher whose digests are the password after a prefix. It counts its calls.
#[derive(Debug, Default)]
pub struct FakeHasher {
    hashes: AtomicU32,
    verifications: AtomicU32,
    dummy_verifications: AtomicU32,
    error: Mutex<Option<HashError>>,
}

impl FakeHasher {
    /// A hasher whose counters are zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// The digest of a password.
    pub fn digest(password: &str) -> PasswordDigest {
        sample::digest(&format!("{CURRENT}{password}"))
    }

    /// A digest of a password that counts as outdated.
    pub fn outdated_digest(password: &str) -> PasswordDigest {
        sample::digest(&format!("{OUTDATED}{password}"))
    }

    /// Makes every call fail; `None` restores it. Failed calls are counted too.
    pub fn fail_with(&self, error: Option<HashError>) {
        *hold(&self.error) = error;
    }

    /// The number of calls of `hash`.
    pub fn hashes(&self) -> u32 {
        self.hashes.load(Ordering::SeqCst)
    }

    /// The number of calls of `verify`.
    pub fn verifications(&self) -> u32 {
        self.verifications.load(Ordering::SeqCst)
    }

    /// The number of calls of `verify_nothing`.
    pub fn dummy_verifications(&self) -> u32 {
        self.dummy_verifications.load(Ordering::SeqCst)
    }

    fn count(&self, counter: &AtomicU32) -> Result<(), HashError> {
        counter.fetch_add(1, Ordering::SeqCst);
        hold(&self.error).clone().map_or(Ok(()), Err)
    }
}

impl PasswordHasher for FakeHasher {
    fn hash(&self, password: &PlainPassword, _entropy: &dyn Entropy) -> Result<PasswordDigest, HashError> {
        self.count(&self.hashes)?;
        Ok(Self::digest(password.expose()))
    }

    fn verify(&self, password: &PlainPassword, digest: &PasswordDigest) -> Result<Verification, HashError> {
        self.count(&self.verifications)?;
        let digest = digest.expose();
        let (hashed, outdated) = match (digest.strip_prefix(CURRENT), digest.strip_prefix(OUTDATED)) {
            (Some(hashed), _) => (hashed, false),
            (_, Some(hashed)) => (hashed, true),
            (None, None) => return Ok(Verification::Unusable),
        };
        let is_it = hashed == password.expose();
        Ok(if is_it {
            Verification::Match { outdated }
        } else {
            Verification::Mismatch
        })
    }

    fn verify_nothing(&self, _password: &PlainPassword) -> Result<(), HashError> {
        self.count(&self.dummy_verifications)
    }
}

/// An estimator that returns the same result for every password. The default is the best score.
#[derive(Debug, Clone, Copy)]
pub struct FakeEstimator {
    /// The score of every password, from 0 to 4.
    pub score: u8,
    /// Whether every password counts as common.
    pub common: bool,
}

impl Default for FakeEstimator {
    fn default() -> Self {
        Self {
            score: 4,
            common: false,
        }
    }
}

impl StrengthEstimator for FakeEstimator {
    fn estimate(&self, _password: &PlainPassword, _known: &[&str]) -> StrengthEstimate {
        StrengthEstimate {
            score: self.score,
            common: self.common,
        }
    }
}

/// Derives keys by an unkeyed checksum, which protects nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct FakeAttemptKeys;

impl AttemptKeys for FakeAttemptKeys {
    fn attempt_key(&self, email: &CanonicalEmail) -> AttemptKey {
        AttemptKey::from_bytes(checksum(&email.as_str()))
    }

    fn network_key(&self, email: &CanonicalEmail, network: &ClientNetwork) -> AttemptKey {
        AttemptKey::from_bytes(checksum(&(email.as_str(), network.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededEntropy;

    #[test]
    fn a_password_is_verified_by_its_own_digest_only() {
        let hasher = FakeHasher::new();
        let ada = sample::password("ada's");
        let digest = hasher.hash(&ada, &SeededEntropy::new(1)).expect("a digest");
        assert_eq!(digest.expose(), "fake$ada's");
        assert_eq!(
            hasher.verify(&ada, &digest),
            Ok(Verification::Match { outdated: false })
        );
        assert_eq!(
            hasher.verify(&ada, &FakeHasher::outdated_digest("ada's")),
            Ok(Verification::Match { outdated: true })
        );
        assert_eq!(
            hasher.verify(&sample::password("bob's"), &digest),
            Ok(Verification::Mismatch)
        );
        assert_eq!(
            hasher.verify(&ada, &sample::digest("$argon2id$")),
            Ok(Verification::Unusable)
        );
        assert_eq!(
            (
                hasher.hashes(),
                hasher.verifications(),
                hasher.dummy_verifications()
            ),
            (1, 4, 0)
        );
    }

    #[test]
    fn failed_calls_are_counted() {
        let hasher = FakeHasher::new();
        let error = HashError("no memory".to_owned());
        hasher.fail_with(Some(error.clone()));
        assert_eq!(hasher.verify_nothing(&sample::password("x")), Err(error));
        hasher.fail_with(None);
        assert_eq!(hasher.verify_nothing(&sample::password("x")), Ok(()));
        assert_eq!(hasher.dummy_verifications(), 2);
    }

    #[test]
    fn exactly_the_spellings_of_one_address_share_a_key() {
        let key = |typed: &str| FakeAttemptKeys.attempt_key(sample::email(typed).canonical());
        assert_eq!(key("Ada@Example.org"), key("ada@example.org"));
        assert_ne!(key("ada@example.org"), key("bob@example.org"));
    }
}

/// Has every refused attempt recorded in the audit log.
#[derive(Debug, Clone, Copy, Default)]
pub struct EveryRefusal;

impl RefusedAttempts for EveryRefusal {
    fn note(&self, _key: &AttemptKey, _now: Timestamp) -> Option<u64> {
        Some(1)
    }

    fn take_back(&self, _key: &AttemptKey, _noted: Option<u64>, _is_refused: bool) {}
}
