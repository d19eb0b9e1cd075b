//! Naming accounts in the table of attempts.

use aws_lc_rs::hmac;
use doorward_domain::identity::{AttemptKey, CanonicalEmail};
use doorward_domain::ports::AttemptKeys;
use secrecy::ExposeSecret;

use crate::CryptoError;
use crate::master_key::{MasterKey, SubKeyUse};

/// Names accounts by HMAC-SHA-256 of their canonical address under a key derived from the master key: the same on every
/// instance, and nothing from which somebody with the table alone could find the addresses.
///
/// With another master key all accounts have other names, so that guesses counted so far are forgotten.
#[derive(Debug, Clone)]
pub struct HmacAttemptKeys(hmac::Key);

impl HmacAttemptKeys {
    /// Names accounts under `master`.
    pub fn new(master: &MasterKey) -> Result<Self, CryptoError> {
        let key = master.sub_key(SubKeyUse::AttemptKeys)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret())))
    }
}

impl AttemptKeys for HmacAttemptKeys {
    fn attempt_key(&self, email: &CanonicalEmail) -> AttemptKey {
        let tag = hmac::sign(&self.0, email.as_str().as_bytes());
        let mut bytes = [0; 32];
        bytes
            .iter_mut()
            .zip(tag.as_ref())
            .for_each(|(byte, tag)| *byte = *tag);
        AttemptKey::from_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use doorward_testkit::{SeededEntropy, sample};

    use super::*;

    fn key(master: u64, email: &str) -> AttemptKey {
        let keys = HmacAttemptKeys::new(&MasterKey::generate(&SeededEntropy::new(master))).unwrap();
        keys.attempt_key(sample::email(email).canonical())
    }

    #[test]
    fn spellings_of_one_address_share_a_key_and_addresses_do_not() {
        assert_eq!(key(1, "Ada@Example.org"), key(1, "ada@example.ORG"));
        assert_ne!(key(1, "ada@example.org"), key(1, "bob@example.org"));
        assert_ne!(key(1, "ada@example.org"), key(2, "ada@example.org"));
    }
}
