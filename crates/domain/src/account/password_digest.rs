//! The digest of a password, as stored.

use secrecy::{ExposeSecret, SecretString};

/// The stored form of a password: a PHC string with its algorithm, parameters, salt and hash.
///
/// A digest is a secret too (it allows off-line guessing): `Debug` does not print it.
#[derive(Debug, Clone)]
pub struct PasswordDigest(SecretString);

impl PasswordDigest {
    /// Wraps a PHC string made by a [`PasswordHasher`](crate::password::PasswordHasher) or read from a store. Not validated.
    pub fn new(phc: impl Into<SecretString>) -> Self {
        Self(phc.into())
    }

    /// The PHC string, for stores and hashers.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}
