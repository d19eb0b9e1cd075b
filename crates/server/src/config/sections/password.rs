//! `password.*`

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use doorward_domain::password::PasswordPolicy;
use doorward_password::{Argon2Params, Pepper, Peppers};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::size;
use crate::config::checker::Checker;
use crate::config::secret::Secret;

/// The minimum length below which a warning is logged.
const SAFE_LENGTH: u32 = 8;

/// Standard base64, with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `password.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawPassword {
    /// The fewest characters of a new password. Below 8 a warning is logged. The most is always 256.
    #[schemars(range(min = 6, max = 64))]
    pub min_length: u32,
    /// The lowest strength of a new password, as zxcvbn estimates it, from 0 (too guessable) to 4 (very unguessable).
    #[schemars(range(min = 0, max = 4))]
    pub min_score: u8,
    /// A secret that goes into every hash and is not in the database: at least 16 bytes, in base64. Passwords that were hashed
    /// with it do not verify without it, so the server refuses to start with another one, or none, unless this one is
    /// `password.previous_pepper`.
    pub pepper: Option<Secret>,
    /// A file that holds `password.pepper`.
    pub pepper_file: Option<String>,
    /// The previous pepper. Passwords that were hashed with it verify, and are hashed with the current one, or with none, at the
    /// next login.
    pub previous_pepper: Option<Secret>,
    /// A file that holds `password.previous_pepper`.
    pub previous_pepper_file: Option<String>,
    /// The cost of a hash (argon2id). A stored hash that is weaker is upgraded at the next login.
    pub argon2: RawArgon2,
}

impl Default for RawPassword {
    fn default() -> Self {
        Self {
            min_length: 8,
            min_score: 2,
            pepper: None,
            pepper_file: None,
            previous_pepper: None,
            previous_pepper_file: None,
            argon2: RawArgon2::default(),
        }
    }
}

/// `password.argon2.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawArgon2 {
    /// Memory, in KiB. Below the default a warning is logged.
    #[schemars(range(min = 1024, max = 1_048_576))]
    pub memory_kib: u32,
    /// Passes over the memory. Below the default a warning is logged.
    #[schemars(range(min = 1, max = 16))]
    pub iterations: u32,
    /// Lanes of argon2. They are computed one after the other.
    #[schemars(range(min = 1, max = 16))]
    pub parallelism: u32,
}

impl Default for RawArgon2 {
    fn default() -> Self {
        let Argon2Params {
            memory_kib,
            iterations,
            parallelism,
        } = Argon2Params::default();
        Self {
            memory_kib,
            iterations,
            parallelism,
        }
    }
}

impl RawPassword {
    pub fn check(self, checker: &mut Checker) -> PasswordSettings {
        if self.min_length < SAFE_LENGTH {
            let what = format!("passwords of fewer than {SAFE_LENGTH} characters can be guessed");
            checker.warn("password.min_length", &what);
        }
        let file = self.pepper_file.as_deref();
        let pepper = checker.secret("password.pepper", self.pepper, file, parse_new_pepper);
        let file = self.previous_pepper_file.as_deref();
        let previous = self.previous_pepper;
        let previous_pepper = checker.secret("password.previous_pepper", previous, file, parse_pepper);
        if let (Some(current), Some(previous)) = (&pepper, &previous_pepper)
            && current.is_same(previous)
        {
            let what = "must not be the same as password.pepper";
            checker.refuse("password.previous_pepper", what);
        }
        PasswordSettings {
            policy: PasswordPolicy {
                min_length: size(self.min_length),
                min_score: self.min_score,
            },
            peppers: Peppers {
                current: pepper,
                previous: previous_pepper,
            },
            argon2: self.argon2.check(checker),
        }
    }
}

impl RawArgon2 {
    fn check(self, checker: &mut Checker) -> Argon2Params {
        let safe = Argon2Params::default();
        for (key, value, safe) in [
            ("password.argon2.memory_kib", self.memory_kib, safe.memory_kib),
            ("password.argon2.iterations", self.iterations, safe.iterations),
        ] {
            if value < safe {
                let what = format!("below {safe}, stolen hashes are cheap to crack");
                checker.warn(key, &what);
            }
        }
        Argon2Params {
            memory_kib: self.memory_kib,
            iterations: self.iterations,
            parallelism: self.parallelism,
        }
    }
}

fn parse_pepper(text: &SecretString) -> Result<Pepper, String> {
    // The decoder's own error would show a byte of the secret.
    let bytes = BASE64
        .decode(text.expose_secret())
        .map_err(|_shows_a_byte| "not base64".to_owned())?;
    Pepper::new(bytes).map_err(|error| error.to_string())
}

/// Parses the pepper of new hashes. A previous one may be a pattern, so that it can be replaced.
fn parse_new_pepper(text: &SecretString) -> Result<Pepper, String> {
    let pepper = parse_pepper(text)?;
    if pepper.is_pattern() {
        let remedy = "its bytes follow an obvious pattern: generate one with openssl rand -base64 32, and give this one as \
                      password.previous_pepper if passwords were hashed with it";
        return Err(remedy.into());
    }
    Ok(pepper)
}

/// `password.*`
#[derive(Debug)]
pub struct PasswordSettings {
    /// The requirements for a new password.
    pub policy: PasswordPolicy,
    /// The secrets that go into every hash.
    pub peppers: Peppers,
    /// The cost of a hash.
    pub argon2: Argon2Params,
}
