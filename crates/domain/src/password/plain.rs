//! Plain-text passwords.

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

/// A password as typed, in Unicode NFC: a composed and a decomposed accent are the same key press.
///
/// Never printed, never serialised, wiped from memory when dropped. It is neither trimmed nor truncated.
#[derive(Debug, Clone)]
pub struct PlainPassword(SecretString);

impl PlainPassword {
    /// Normalises a typed password to NFC.
    pub fn new(typed: &SecretString) -> Self {
        let typed = typed.expose_secret();
        let mut normalised = String::with_capacity(typed.len());
        normalised.extend(typed.nfc());
        Self(SecretString::from(normalised))
    }

    /// The password itself, for hashing and for the password policy.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The length in code points, which the password policy limits.
    pub fn code_points(&self) -> usize {
        self.expose().chars().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::PasswordDigest;

    #[test]
    fn composed_and_decomposed_accents_are_the_same_password() {
        let composed = PlainPassword::new(&SecretString::from("p\u{e9}age"));
        let decomposed = PlainPassword::new(&SecretString::from("pe\u{301}age"));
        assert_eq!(composed.expose(), decomposed.expose());
        assert_eq!(decomposed.code_points(), 5);
    }

    #[test]
    fn debug_output_contains_no_password() {
        let password = PlainPassword::new(&SecretString::from("hunter2"));
        let digest = PasswordDigest::new(String::from("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA"));
        assert!(!format!("{password:?} {digest:?}").contains("hunter2"));
        assert!(!format!("{digest:?}").contains("argon2"));
    }
}
