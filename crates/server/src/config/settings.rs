//! The whole configuration: its schema, and the settings that the rest of the program uses.

use std::path::PathBuf;

use config::Config;
use doorward_domain::account::RegistrationMode;
use doorward_domain::attempt::AttemptPolicy;
use doorward_http::ThrottleSettings;
use doorward_persistence::DatabaseSettings;
use doorward_runtime::executor::LaneSettings;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::checker::Checker;
use super::sections::{
    AuditSettings, KeySettings, MailSettings, PasswordSettings, RawAttempts, RawAudit, RawDatabase, RawDocs,
    RawKeys, RawLane, RawLog, RawMail, RawPassword, RawRegistration, RawServer, RawSetup, RawThrottle,
    RawTokens, ServerSettings, Surroundings, TokenSettings,
};
use crate::exit::ExitError;
use crate::logging::LogSettings;
use crate::resources::Resources;

/// Every key there is, as it is written.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawSettings {
    /// The directory for the files that Doorward keeps: the embedded database, the master key created at the first start,
    /// and the addresses it listens on (`listen`, `management_listen`). Created with mode 0700 if it does not exist.
    pub data_dir: String,
    /// Listeners, connections and reverse proxies.
    pub server: RawServer,
    /// The database.
    pub database: RawDatabase,
    /// The keys that sign and seal tokens.
    pub keys: RawKeys,
    /// Access and refresh tokens.
    pub tokens: RawTokens,
    /// Which passwords are accepted and how they are hashed.
    pub password: RawPassword,
    /// Who can create an account.
    pub registration: RawRegistration,
    /// The thread pool that hashes passwords. It is bounded, so that a burst of logins does not slow down other requests.
    pub lane: RawLane,
    /// How many wrong passwords an account allows, from all addresses together.
    pub attempts: RawAttempts,
    /// The rate limit per client address, on each instance.
    pub throttle: RawThrottle,
    /// The audit log.
    pub audit: RawAudit,
    /// The API documentation.
    pub docs: RawDocs,
    /// The creation of the first administrator.
    pub setup: RawSetup,
    /// Mail to users.
    pub mail: RawMail,
    /// Logging to standard error, one line per event.
    pub log: RawLog,
}

impl Default for RawSettings {
    fn default() -> Self {
        Self {
            data_dir: "data".into(),
            server: RawServer::default(),
            database: RawDatabase::default(),
            keys: RawKeys::default(),
            tokens: RawTokens::default(),
            password: RawPassword::default(),
            registration: RawRegistration::default(),
            lane: RawLane::default(),
            attempts: RawAttempts::default(),
            throttle: RawThrottle::default(),
            audit: RawAudit::default(),
            docs: RawDocs::default(),
            setup: RawSetup::default(),
            mail: RawMail::default(),
            log: RawLog::default(),
        }
    }
}

/// The configuration as the rest of the program uses it: parsed, checked, complete. Where another crate has a type for
/// a group of settings, this holds that type. Secrets are in types that do not print.
#[derive(Debug)]
pub struct Settings {
    /// The directory for files.
    pub data_dir: PathBuf,
    /// `server.*`
    pub server: ServerSettings,
    /// `database.*`
    pub database: DatabaseSettings,
    /// `keys.*`
    pub keys: KeySettings,
    /// `tokens.*`
    pub tokens: TokenSettings,
    /// `password.*`
    pub password: PasswordSettings,
    /// `registration.mode`
    pub registration: RegistrationMode,
    /// `lane.*`
    pub lane: LaneSettings,
    /// `attempts.*`
    pub attempts: AttemptPolicy,
    /// `throttle.*`
    pub throttle: ThrottleSettings,
    /// `audit.*`
    pub audit: AuditSettings,
    /// `docs.enabled`
    pub docs: bool,
    /// `setup.token`; without it a setup token is generated.
    pub setup_token: Option<SecretString>,
    /// `mail.*`
    pub mail: MailSettings,
    /// `log.*`
    pub log: LogSettings,
    /// What the defaults of sizes were derived from.
    pub resources: Resources,
    /// What is allowed but unsafe, one line each, to be logged as warnings.
    pub warnings: Vec<String>,
}

impl Settings {
    /// Checks the merged configuration. The types and bounds of single values have been checked by now.
    pub(super) fn new(merged: Config) -> Result<Self, ExitError> {
        let mut checker = Checker::new(&merged.cache);
        let raw: RawSettings = merged
            .try_deserialize()
            .map_err(|error| ExitError::configuration(error.to_string()))?;
        if raw.data_dir.is_empty() {
            checker.refuse("data_dir", "must not be empty; \".\" is the working directory");
        }
        let data_dir = PathBuf::from(raw.data_dir);
        let resources = Resources::detect();
        let server = raw.server.check(&mut checker, &resources);
        let database = raw.database.check(&mut checker, &data_dir, &resources);
        let tokens = raw.tokens.check(&mut checker);
        let keys = raw.keys.check(&mut checker, &database.url, &tokens);
        let password = raw.password.check(&mut checker);
        let lane = raw
            .lane
            .check(&mut checker, &resources, password.argon2.memory_kib);
        let registration = raw.registration.check(&mut checker);
        let attempts = raw.attempts.check(&mut checker);
        let setup_token = raw.setup.check(&mut checker);
        let log = raw.log.check(&mut checker);
        let surroundings = Surroundings {
            data_dir: &data_dir,
            public_url: &server.public_url,
            is_embedded: database.url.is_sqlite(),
        };
        let mail = raw.mail.check(&mut checker, &surroundings);
        checker.problems.check()?;
        // `None` comes with an error.
        let mail = mail.ok_or_else(|| ExitError::configuration("mail: invalid"))?;
        Ok(Self {
            data_dir,
            server,
            database,
            keys,
            tokens,
            password,
            registration,
            lane,
            attempts,
            throttle: raw.throttle.check(),
            audit: raw.audit.check(),
            docs: raw.docs.enabled,
            setup_token,
            mail,
            log,
            resources,
            warnings: checker.warnings,
        })
    }
}
