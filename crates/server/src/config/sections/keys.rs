//! `keys.*`

use doorward_domain::key::KeyPolicy;
use doorward_jwt::Algorithm;
use doorward_keys::{KeyRules, MasterKey};
use doorward_persistence::DatabaseUrl;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::TokenSettings;
use crate::config::checker::Checker;
use crate::config::secret::Secret;
use crate::config::span::Span;

/// What is wrong with a master key that nobody generated.
pub const PATTERN_KEY: &str = "its bytes follow an obvious pattern: generate one with openssl rand -base64 32; if keys are sealed \
                               with this one, give it as keys.previous_master_key and run doorward keys reseal";

/// `keys.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawKeys {
    /// The key that seals all other keys in the database: 32 bytes in base64, as `openssl rand -base64 32` prints it.
    /// Required with PostgreSQL.
    #[schemars(extend("x-default" = "with SQLite, the content of `<data_dir>/master.key`, created at the first start"))]
    pub master_key: Option<Secret>,
    /// A file that holds `keys.master_key`.
    pub master_key_file: Option<String>,
    /// The previous master key. It opens keys that are still sealed with it; `doorward keys reseal` seals them with the
    /// current one.
    pub previous_master_key: Option<Secret>,
    /// A file that holds `keys.previous_master_key`.
    pub previous_master_key_file: Option<String>,
    /// The age of the newest key at which the next one is created. The next key is published for a while before it is used.
    #[schemars(extend("x-min" = "1m", "x-max" = "3650d"))]
    pub rotate_every: Span,
    /// The algorithm of new signing keys: `EdDSA` (Ed25519) or `ES256` (P-256).
    pub algorithm: String,
}

impl Default for RawKeys {
    fn default() -> Self {
        Self {
            master_key: None,
            master_key_file: None,
            previous_master_key: None,
            previous_master_key_file: None,
            rotate_every: Span::days(90),
            algorithm: Algorithm::default().as_str().into(),
        }
    }
}

impl RawKeys {
    pub fn check(self, checker: &mut Checker, database: &DatabaseUrl, tokens: &TokenSettings) -> KeySettings {
        let is_given = self.master_key.is_some() || self.master_key_file.is_some();
        if !database.is_sqlite() && !is_given {
            let what = "required with PostgreSQL, and must be the same on every instance: \
                        openssl rand -base64 32 generates one";
            checker.refuse("keys.master_key", what);
        }
        let file = self.master_key_file.as_deref();
        let master = checker.secret("keys.master_key", self.master_key, file, parse_new_master_key);
        let file = self.previous_master_key_file.as_deref();
        let previous_master = checker.secret(
            "keys.previous_master_key",
            self.previous_master_key,
            file,
            parse_master_key,
        );
        if let (Some(master), Some(previous)) = (&master, &previous_master)
            && master.to_base64().expose_secret() == previous.to_base64().expose_secret()
        {
            checker.refuse(
                "keys.previous_master_key",
                "must not be the same as keys.master_key",
            );
        }
        let algorithms =
            [Algorithm::EdDsa, Algorithm::Es256].map(|algorithm| (algorithm.as_str(), algorithm));
        let algorithm = checker.choice("keys.algorithm", &self.algorithm, algorithms);
        KeySettings {
            master,
            previous_master,
            rules: KeyRules {
                algorithm: algorithm.unwrap_or_default(),
                policy: KeyPolicy {
                    rotate_every: self.rotate_every.0,
                    access_life: tokens.session.access_ttl + tokens.leeway,
                    refresh_life: tokens.session.refresh_ttl,
                },
            },
        }
    }
}

fn parse_master_key(text: &SecretString) -> Result<MasterKey, String> {
    MasterKey::parse(text.expose_secret()).map_err(|error| error.to_string())
}

/// Parses a key that will seal. A previous key may be a pattern, so that it can be replaced.
fn parse_new_master_key(text: &SecretString) -> Result<MasterKey, String> {
    let key = parse_master_key(text)?;
    if key.is_pattern() {
        Err(PATTERN_KEY.into())
    } else {
        Ok(key)
    }
}

/// `keys.*`
#[derive(Debug)]
pub struct KeySettings {
    /// The configured master key; without one, [`data_dir::master_key`](crate::data_dir::master_key()) finds or creates it.
    pub master: Option<MasterKey>,
    /// The previous master key.
    pub previous_master: Option<MasterKey>,
    /// How keys are rotated. The lives of the tokens come from `tokens.*`.
    pub rules: KeyRules,
}
