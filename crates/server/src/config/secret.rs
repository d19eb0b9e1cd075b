//! Secrets in the form in which they are used. What is said about a wrong one never shows it.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use doorward_keys::MasterKey;
use doorward_password::Pepper;
use secrecy::{ExposeSecret, SecretString};

/// Standard base64, with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads a master key: 32 bytes in base64.
pub fn master_key(text: &SecretString) -> Result<MasterKey, String> {
    MasterKey::parse(text.expose_secret()).map_err(|error| error.to_string())
}

/// Reads a pepper: at least 16 bytes in base64.
pub fn pepper(text: &SecretString) -> Result<Pepper, String> {
    // The decoder's own error would show a byte of the secret.
    let bytes = BASE64
        .decode(text.expose_secret())
        .map_err(|_shows_a_byte| "this is not base64".to_owned())?;
    Pepper::new(bytes).map_err(|error| error.to_string())
}
