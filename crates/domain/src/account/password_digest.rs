//! What is stored of a password.

use secrecy::{ExposeSecret, SecretString};

/// What is stored of a password: a PHC string with its algorithm, parameters, salt and hash.
///
/// It is a secret too (it can be guessed against off-line), so it does not print.
#[derive(Debug, Clone)]
pub struct PasswordDigest(SecretString);

impl PasswordDigest {
    /// Wraps a PHC string, as a [`PasswordHasher`](crate::password::PasswordHasher) made it or a store kept it.
    pub fn new(phc: impl Into<SecretString>) -> Self {
        Self(phc.into())
    }

    /// The PHC string, for a store to keep and a hasher to verify.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}
