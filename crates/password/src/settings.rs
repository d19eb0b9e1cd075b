//! Settings: the cost of a hash, and the pepper.

use core::ops::RangeInclusive;

use doorward_domain::key::is_pattern;
use doorward_domain::password::HashError;
use secrecy::{ExposeSecret, SecretSlice};

/// An invalid setting. The message has the configuration key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetting {
    /// Too little or too much memory.
    #[error("password.argon2.memory_kib must be from 1024 to 1048576, not {0}")]
    Memory(u32),
    /// Too few or too many passes.
    #[error("password.argon2.iterations must be from 1 to 16, not {0}")]
    Iterations(u32),
    /// Too few or too many lanes.
    #[error("password.argon2.parallelism must be from 1 to 16, not {0}")]
    Parallelism(u32),
    /// Too short a pepper, or far too long a one.
    #[error("password.pepper must be from 16 to 1024 bytes long, not {0}")]
    Pepper(usize),
    /// The pepper could not be hashed into its id.
    #[error("password.pepper cannot be used: {0}")]
    PepperNotHashed(HashError),
}

/// The parameters of argon2id (RFC 9106, section 3.1). The default is OWASP's recommendation with 19 MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Params {
    /// Memory in KiB, from 1024 to 1048576 (1 GiB). Each hashing thread keeps that much.
    pub memory_kib: u32,
    /// Passes over the memory, from 1 to 16.
    pub iterations: u32,
    /// Lanes, from 1 to 16. They are computed sequentially, so more lanes do not make a hash faster.
    pub parallelism: u32,
}

impl Default for Argon2Params {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            iterations: 2,
            parallelism: 1,
        }
    }
}

impl Argon2Params {
    /// The lower bound satisfies argon2's minimum of 8 KiB per lane.
    const MEMORY_KIB: RangeInclusive<u32> = 1024..=1024 * 1024;
    pub(crate) const ITERATIONS: RangeInclusive<u32> = 1..=16;
    pub(crate) const PARALLELISM: RangeInclusive<u32> = 1..=16;

    /// Returns the parameters if they are within bounds.
    pub(crate) fn check(self) -> Result<Self, InvalidSetting> {
        if !Self::MEMORY_KIB.contains(&self.memory_kib) {
            return Err(InvalidSetting::Memory(self.memory_kib));
        }
        if !Self::ITERATIONS.contains(&self.iterations) {
            return Err(InvalidSetting::Iterations(self.iterations));
        }
        if !Self::PARALLELISM.contains(&self.parallelism) {
            return Err(InvalidSetting::Parallelism(self.parallelism));
        }
        Ok(self)
    }

    /// The number of blocks of 1 KiB that a hash computes, which determines its duration.
    pub(crate) fn work(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.iterations)
    }
}

/// The pepper of new digests, and the one that existing digests may still have.
#[derive(Debug, Clone, Default)]
pub struct Peppers {
    /// The pepper of new digests, if there is one.
    pub current: Option<Pepper>,
    /// Only verifies.
    pub previous: Option<Pepper>,
}

/// A secret that is part of every hash and not in the database: the secret value `K` of argon2. `Debug` does not print it.
#[derive(Debug, Clone)]
pub struct Pepper(SecretSlice<u8>);

impl Pepper {
    const LENGTH: RangeInclusive<usize> = 16..=1024;

    /// Creates a pepper from 16 to 1024 bytes, which should be random.
    pub fn new(bytes: Vec<u8>) -> Result<Self, InvalidSetting> {
        let secret = SecretSlice::from(bytes);
        let length = secret.expose_secret().len();
        if Self::LENGTH.contains(&length) {
            Ok(Self(secret))
        } else {
            Err(InvalidSetting::Pepper(length))
        }
    }

    /// Whether nobody generated this pepper: its bytes are constant or follow an obvious [pattern](is_pattern).
    pub fn is_pattern(&self) -> bool {
        is_pattern(self.expose())
    }

    /// Whether both are the same. Not in constant time.
    pub fn is_same(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }

    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_bounded_and_the_error_has_the_configuration_key() {
        let params = |memory_kib, iterations, parallelism| {
            Argon2Params {
                memory_kib,
                iterations,
                parallelism,
            }
            .check()
        };
        assert!(Argon2Params::default().check().is_ok());
        assert!(params(1024, 1, 1).is_ok());
        assert!(params(1024, 16, 16).is_ok());
        for (invalid, key) in [
            (params(1023, 1, 1), "password.argon2.memory_kib"),
            (params(u32::MAX, 1, 1), "password.argon2.memory_kib"),
            (params(1024, 0, 1), "password.argon2.iterations"),
            (params(1024, 17, 1), "password.argon2.iterations"),
            (params(1024, 1, 0), "password.argon2.parallelism"),
            (params(1024, 1, 17), "password.argon2.parallelism"),
        ] {
            let message = invalid.unwrap_err().to_string();
            assert!(message.starts_with(key), "{message}");
        }
    }

    #[test]
    fn a_pepper_has_at_least_sixteen_bytes_and_does_not_print() {
        assert_eq!(
            Pepper::new(vec![1; 15]).map(|_| ()),
            Err(InvalidSetting::Pepper(15))
        );
        assert!(Pepper::new(vec![1; 1025]).is_err());
        let pepper = Pepper::new(vec![77; 16]).unwrap();
        assert!(!format!("{pepper:?}").contains("77"));
    }
}
