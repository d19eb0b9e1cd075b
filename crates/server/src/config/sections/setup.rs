//! `setup.*`

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::config::checker::Checker;
use crate::config::secret::Secret;

/// The shortest token, in characters: a shorter one could be guessed.
const MIN_LENGTH: usize = 16;

/// `setup.*`
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawSetup {
    /// The token that creates the first administrator: at least 16 characters. One that is no longer configured is no longer
    /// valid.
    #[schemars(extend("x-default" = "generated, printed once and stored as a digest"))]
    pub token: Option<Secret>,
    /// A file that holds `setup.token`.
    pub token_file: Option<String>,
}

impl RawSetup {
    pub fn check(self, checker: &mut Checker) -> Option<SecretString> {
        let file = self.token_file.as_deref();
        checker.secret("setup.token", self.token, file, parse_token)
    }
}

fn parse_token(token: &SecretString) -> Result<SecretString, String> {
    let length = token.expose_secret().chars().count();
    if length < MIN_LENGTH {
        return Err(format!(
            "has {length} characters, but needs {MIN_LENGTH}: openssl rand -hex 20 generates one"
        ));
    }
    Ok(token.clone())
}
