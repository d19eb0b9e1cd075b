//! `setup.*`

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::config::checker::Checker;
use crate::config::secret::Secret;

/// The token length below which a warning is logged, in characters.
const SAFE_LENGTH: usize = 16;

/// `setup.*`
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawSetup {
    /// The token that creates the first administrator. Below 16 characters a warning is logged.
    #[schemars(extend("x-default" = "generated, printed once and stored as a digest"))]
    pub token: Option<Secret>,
    /// A file that holds `setup.token`.
    pub token_file: Option<String>,
}

impl RawSetup {
    pub fn check(self, checker: &mut Checker) -> Option<SecretString> {
        let file = self.token_file.as_deref();
        let token = checker.secret("setup.token", self.token, file, |token| Ok(token.clone()))?;
        if token.expose_secret().chars().count() < SAFE_LENGTH {
            let what = format!("under {SAFE_LENGTH} characters it can be guessed");
            checker.warn("setup.token", &what);
        }
        Some(token)
    }
}
