//! The master key: the one secret that is not in the database.

use aws_lc_rs::hkdf;
use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use doorward_domain::entropy::Entropy;
use doorward_domain::key::is_pattern;
use secrecy::{ExposeSecret, SecretBox, SecretSlice, SecretString};

use crate::CryptoError;

/// Accepts base64 with and without padding, as tools differ in what they write.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const LENIENT_STANDARD: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const LENIENT_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// The salt of the derivation (RFC 5869). The labels below are unique under it.
const DERIVATION: &[u8] = b"doorward/v1/master-key";

/// The text is not a master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMasterKey {
    /// Not base64 in either alphabet.
    #[error("the master key is not base64")]
    NotBase64,
    /// Not 256 bits.
    #[error("the master key has {0} bytes, but needs 32")]
    WrongLength(usize),
}

/// The use of a sub-key. No two uses share a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SubKeyUse {
    /// Seals the keys that are stored.
    Sealing,
    /// Identifies the master key under which a key was sealed. It is stored in the clear.
    Fingerprint,
    /// Computes the keys of attempt records.
    AttemptKeys,
}

impl SubKeyUse {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Sealing => b"key sealing",
            Self::Fingerprint => b"fingerprint",
            Self::AttemptKeys => b"attempt keys",
        }
    }
}

/// The 256-bit master key (`keys.master_key`). The keys in the database are sealed under keys derived from it, so that a
/// stolen database does not suffice to sign tokens. Its `Debug` output does not contain it, and it is wiped from memory when
/// dropped.
#[derive(Debug)]
pub struct MasterKey(SecretBox<[u8; 32]>);

impl MasterKey {
    /// A new random key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(SecretBox::init_with_mut(|bytes: &mut [u8; 32]| {
            entropy.fill(bytes);
        }))
    }

    /// Reads a key: 32 bytes in base64, in the standard or the URL-safe alphabet, padded or not. White space around it,
    /// such as the line break at the end of a file, is ignored.
    pub fn parse(text: &str) -> Result<Self, InvalidMasterKey> {
        let text = text.trim_ascii();
        let engine = if text.contains(['-', '_']) {
            LENIENT_URL_SAFE
        } else {
            LENIENT_STANDARD
        };
        let bytes = engine
            .decode(text)
            .map_err(|_position| InvalidMasterKey::NotBase64)?;
        let bytes = SecretSlice::from(bytes);
        let bytes = bytes.expose_secret();
        if bytes.len() != 32 {
            return Err(InvalidMasterKey::WrongLength(bytes.len()));
        }
        Ok(Self(SecretBox::init_with_mut(|key: &mut [u8; 32]| {
            key.copy_from_slice(bytes);
        })))
    }

    /// Whether nobody generated this key: its bytes are constant or follow an obvious [pattern](is_pattern). Such a key must not
    /// seal anything; it may open what it has sealed.
    pub fn is_pattern(&self) -> bool {
        is_pattern(self.0.expose_secret())
    }

    /// The key in padded standard base64, for the operator's key file.
    pub fn to_base64(&self) -> SecretString {
        SecretString::from(base64::engine::general_purpose::STANDARD.encode(self.0.expose_secret()))
    }

    /// The sub-key for one use: HKDF-SHA-256 (RFC 5869).
    pub(crate) fn sub_key(&self, usage: SubKeyUse) -> Result<SecretBox<[u8; 32]>, CryptoError> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, DERIVATION).extract(self.0.expose_secret());
        let label = [usage.label()];
        let okm = root.expand(&label, hkdf::HKDF_SHA256)?;
        let mut filled = Ok(());
        let key = SecretBox::init_with_mut(|key: &mut [u8; 32]| filled = okm.fill(key));
        filled?;
        Ok(key)
    }
}

/// The master key, and the previous one for as long as keys are sealed under it.
#[derive(Debug)]
pub struct MasterKeys {
    /// Seals and opens (`keys.master_key`).
    pub current: MasterKey,
    /// Only opens (`keys.previous_master_key`).
    pub previous: Option<MasterKey>,
}

impl From<MasterKey> for MasterKeys {
    /// A master key without a previous one.
    fn from(current: MasterKey) -> Self {
        Self {
            current,
            previous: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use doorward_testkit::SeededEntropy;

    use super::*;

    const BYTES: [u8; 32] = [0xfb; 32];

    #[test]
    fn every_base64_variant_is_accepted() {
        let standard = base64::engine::general_purpose::STANDARD.encode(BYTES);
        let url = base64::engine::general_purpose::URL_SAFE.encode(BYTES);
        for text in [
            &standard,
            &url,
            standard.trim_end_matches('='),
            url.trim_end_matches('='),
            &format!(" {standard}\n"),
        ] {
            assert_eq!(
                *MasterKey::parse(text).unwrap().0.expose_secret(),
                BYTES,
                "{text}"
            );
        }
        assert_eq!(
            MasterKey::parse(&standard).unwrap().to_base64().expose_secret(),
            standard
        );
    }

    #[test]
    fn a_constant_key_is_a_pattern_and_a_generated_one_is_not() {
        assert!(MasterKey::parse(&"A".repeat(43)).unwrap().is_pattern());
        assert!(!MasterKey::generate(&SeededEntropy::new(1)).is_pattern());
    }

    #[test]
    fn other_texts_are_rejected() {
        let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        for (text, reason) in [
            (String::new(), InvalidMasterKey::WrongLength(0)),
            (encode(&[1; 31]), InvalidMasterKey::WrongLength(31)),
            (encode(&[1; 33]), InvalidMasterKey::WrongLength(33)),
            ("changeme!".to_owned(), InvalidMasterKey::NotBase64),
            (encode(&BYTES).replace('+', "-"), InvalidMasterKey::NotBase64),
        ] {
            assert_eq!(MasterKey::parse(&text).map(|_| ()), Err(reason), "{text}");
        }
    }

    #[test]
    fn sub_keys_differ_by_use_and_by_master_key() {
        let one = MasterKey::generate(&SeededEntropy::new(1));
        let other = MasterKey::generate(&SeededEntropy::new(2));
        let key = |master: &MasterKey, usage| *master.sub_key(usage).unwrap().expose_secret();
        let keys = [
            key(&one, SubKeyUse::Sealing),
            key(&one, SubKeyUse::Fingerprint),
            key(&one, SubKeyUse::AttemptKeys),
            key(&other, SubKeyUse::Sealing),
            *one.0.expose_secret(),
        ];
        for (index, left) in keys.iter().enumerate() {
            assert!(keys.iter().skip(index + 1).all(|right| left != right));
        }
        assert_eq!(key(&one, SubKeyUse::Sealing), keys[0]);
    }

    #[test]
    fn debug_output_contains_no_master_key() {
        assert!(!format!("{:?}", MasterKey::parse(&"A".repeat(43)).unwrap()).contains("0, 0"));
    }
}
