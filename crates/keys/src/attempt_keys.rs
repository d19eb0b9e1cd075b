//! Keyed hashes that identify attempt records and known networks.

use aws_lc_rs::hmac;
use doorward_domain::account::CanonicalEmail;
use doorward_domain::attempt::AttemptKeys;
use doorward_domain::attempt::{AttemptKey, ClientNetwork};
use secrecy::ExposeSecret;

use crate::CryptoError;
use crate::master_key::{MasterKey, SubKeyUse};

/// Computes the keys of attempt records: HMAC-SHA-256 of an account's canonical email address, or of that and a network,
/// under a key derived from the master key. They are the same on every instance, and the tables alone do not reveal the
/// addresses.
///
/// After a change of the master key every record has another key, so earlier attempts and known networks are not found.
#[derive(Debug, Clone)]
pub struct HmacAttemptKeys(hmac::Key);

impl HmacAttemptKeys {
    /// Derives the key from `master`.
    pub fn new(master: &MasterKey) -> Result<Self, CryptoError> {
        let key = master.sub_key(SubKeyUse::AttemptKeys)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret())))
    }
}

impl HmacAttemptKeys {
    fn key(&self, parts: &[&[u8]]) -> AttemptKey {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        let mut bytes = [0; 32];
        bytes
            .iter_mut()
            .zip(context.sign().as_ref())
            .for_each(|(byte, tag)| *byte = *tag);
        AttemptKey::from_bytes(bytes)
    }
}

impl AttemptKeys for HmacAttemptKeys {
    fn attempt_key(&self, email: &CanonicalEmail) -> AttemptKey {
        self.key(&[email.as_str().as_bytes()])
    }

    fn network_key(&self, email: &CanonicalEmail, network: &ClientNetwork) -> AttemptKey {
        // An email address contains no NUL, so this input cannot be that of `attempt_key` or of another address.
        self.key(&[email.as_str().as_bytes(), b"\0", network.as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use doorward_testkit::{SeededEntropy, sample};

    use super::*;

    fn keys(master: u64) -> HmacAttemptKeys {
        HmacAttemptKeys::new(&MasterKey::generate(&SeededEntropy::new(master))).unwrap()
    }

    fn key(master: u64, email: &str) -> AttemptKey {
        keys(master).attempt_key(sample::email(email).canonical())
    }

    #[test]
    fn a_network_has_a_key_of_its_own_for_each_account() {
        let key = |email: &str, address: &str| {
            let network = ClientNetwork::of(address.parse().unwrap());
            keys(1).network_key(sample::email(email).canonical(), &network)
        };
        let home = key("ada@example.org", "192.0.2.1");
        assert_eq!(home, key("ADA@example.org", "192.0.2.77"));
        assert_ne!(home, key("ada@example.org", "192.0.3.1"));
        assert_ne!(home, key("bob@example.org", "192.0.2.1"));
        let exact = ClientNetwork::exact("192.0.2.1".parse().unwrap());
        assert_ne!(
            home,
            keys(1).network_key(sample::email("ada@example.org").canonical(), &exact)
        );
        assert_ne!(
            home,
            keys(1).attempt_key(sample::email("ada@example.org").canonical())
        );
    }

    #[test]
    fn spellings_of_one_address_share_a_key() {
        assert_eq!(key(1, "Ada@Example.org"), key(1, "ada@example.ORG"));
        assert_ne!(key(1, "ada@example.org"), key(1, "bob@example.org"));
        assert_ne!(key(1, "ada@example.org"), key(2, "ada@example.org"));
    }
}
