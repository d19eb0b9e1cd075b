//! Secrets in the form in which they are used.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretBox, SecretSlice, SecretString};

/// Standard base64, with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key that seals the keys in the database: 256 random bits.
#[derive(Debug)]
pub struct MasterKey(SecretBox<[u8; 32]>);

impl MasterKey {
    /// Makes a new one from the operating system's randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Box::new([0; 32]);
        getrandom::fill(bytes.as_mut_slice())?;
        Ok(Self(SecretBox::new(bytes)))
    }

    /// Reads one from base64. The error says what is wrong, without the key.
    pub fn parse(text: &SecretString) -> Result<Self, String> {
        let bytes = decode(text)?;
        match <[u8; 32]>::try_from(bytes.expose_secret()) {
            Ok(key) => Ok(Self(SecretBox::new(Box::new(key)))),
            Err(_) => Err(format!(
                "a master key is 32 bytes in base64 (openssl rand -base64 32), these are {}",
                bytes.expose_secret().len()
            )),
        }
    }

    /// The key itself, for the sealing of keys.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    /// The key in base64, for the file it is kept in.
    pub fn to_base64(&self) -> SecretString {
        SecretString::from(BASE64.encode(self.expose()))
    }
}

/// A secret that goes into every password hash.
#[derive(Debug)]
pub struct Pepper(SecretSlice<u8>);

impl Pepper {
    /// The fewest bytes.
    const MIN_BYTES: usize = 16;

    /// Reads one from base64. The error says what is wrong, without the pepper.
    pub fn parse(text: &SecretString) -> Result<Self, String> {
        let bytes = decode(text)?;
        let count = bytes.expose_secret().len();
        if count < Self::MIN_BYTES {
            return Err(format!(
                "a pepper has at least {} bytes, this one has {count}",
                Self::MIN_BYTES
            ));
        }
        Ok(Self(bytes))
    }

    /// The bytes themselves, for the hashing of passwords.
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

/// Decodes base64. The decoder's own error would show a byte of the secret and is not passed on.
fn decode(text: &SecretString) -> Result<SecretSlice<u8>, String> {
    match BASE64.decode(text.expose_secret()) {
        Ok(bytes) => Ok(SecretSlice::from(bytes)),
        Err(_) => Err("this is not base64".into()),
    }
}
