//! The configuration as the rest of the program uses it: parsed, checked, complete.
//!
//! Where the domain has a policy, the settings hold that policy. Secrets are in types that do not print.

use core::net::SocketAddr;
use core::num::NonZeroU32;
use core::time::Duration;
use std::path::PathBuf;

use doorward_domain::attempt::AttemptPolicy;
use doorward_domain::password::PasswordPolicy;
use doorward_domain::session::SessionPolicy;
use doorward_keys::MasterKey;
use doorward_password::Pepper;
use doorward_persistence::DatabaseUrl;
use ipnet::IpNet;
use secrecy::SecretString;

/// Everything that can be configured.
#[derive(Debug)]
pub struct Settings {
    /// The directory for what is kept in files.
    pub data_dir: PathBuf,
    /// Where it listens and what stands in front of it.
    pub server: ServerSettings,
    /// The database.
    pub database: DatabaseSettings,
    /// The keys that tokens are signed and sealed with.
    pub keys: KeySettings,
    /// Access and refresh tokens.
    pub tokens: TokenSettings,
    /// Which passwords are accepted and how they are hashed.
    pub password: PasswordSettings,
    /// The lane that passwords are hashed on.
    pub lane: LaneSettings,
    /// How many guesses an account allows.
    pub attempts: AttemptPolicy,
    /// How many requests an address may make.
    pub throttle: ThrottleSettings,
    /// The audit log.
    pub audit: AuditSettings,
    /// The token that creates the first administrator, when it was given rather than to be made.
    pub setup_token: Option<SecretString>,
    /// Logging.
    pub log: LogSettings,
    /// What is allowed but unwise, a line each, to be logged as warnings.
    pub warnings: Vec<String>,
}

/// `server.*`
#[derive(Debug)]
pub struct ServerSettings {
    /// Where the API listens; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where health and metrics are served; port 0 picks a free one.
    pub management_listen: SocketAddr,
    /// The issuer of tokens and the base of links, without a trailing slash.
    pub public_url: String,
    /// The peers whose forwarding header is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The header they forward the client's address in.
    pub forwarded_header: ForwardedHeader,
    /// The most connections of clients at once.
    pub max_connections: usize,
    /// The most connections of one client.
    pub max_connections_per_address: usize,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
}

/// The header that carries the client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`
    XForwardedFor,
    /// `Forwarded` (RFC 7239)
    Forwarded,
}

impl ForwardedHeader {
    /// The header's name as it is configured.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

/// `database.*`
#[derive(Debug)]
pub struct DatabaseSettings {
    /// Where it is.
    pub url: DatabaseUrl,
    /// The most connections this instance opens.
    pub max_connections: u32,
}

/// `keys.*`
#[derive(Debug)]
pub struct KeySettings {
    /// The key that seals the others, when it was given. [`first_start::master_key`](crate::first_start::master_key)
    /// says which key to use when it was not.
    pub master: Option<MasterKey>,
    /// The one before it.
    pub previous_master: Option<MasterKey>,
    /// How old the newest key grows before the next one is made.
    pub rotate_every: Duration,
    /// The algorithm of new signing keys.
    pub algorithm: SigningAlgorithm,
}

/// The algorithm that access tokens are signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA over P-256 with SHA-256 (RFC 7518).
    Es256,
}

impl SigningAlgorithm {
    /// The name in JWS headers and in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }
}

/// `tokens.*`
#[derive(Debug)]
pub struct TokenSettings {
    /// Who access tokens are for.
    pub audience: String,
    /// How long things last.
    pub session: SessionPolicy,
    /// How far clocks may differ.
    pub leeway: Duration,
    /// Whether access tokens carry the e-mail address.
    pub email: bool,
}

/// `password.*`
#[derive(Debug)]
pub struct PasswordSettings {
    /// What a new password is held to.
    pub policy: PasswordPolicy,
    /// The secret in every hash.
    pub pepper: Option<Pepper>,
    /// The cost of a hash.
    pub argon2: Argon2Settings,
}

/// `password.argon2.*`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Settings {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

/// `lane.*`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneSettings {
    /// Passwords hashed at once; at least one.
    pub workers: usize,
    /// Passwords that may wait; at least one.
    pub queue: usize,
    /// How long one may wait.
    pub deadline: Duration,
}

/// `throttle.*`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleSettings {
    /// Whether there is a throttle at all.
    pub enabled: bool,
    /// Login, registration, setup and password change together.
    pub sensitive: Quota,
    /// Refreshing.
    pub refresh: Quota,
    /// Everything else.
    pub general: Quota,
}

/// What an address may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests at once.
    pub burst: NonZeroU32,
    /// Requests a minute after that.
    pub per_minute: NonZeroU32,
}

/// `audit.*`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditSettings {
    /// How long an entry is kept.
    pub retention: Duration,
}

/// `log.*`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The format; without one, pretty on a terminal, else JSON.
    pub format: Option<LogFormat>,
    /// The directives of the filter, as `tracing_subscriber::EnvFilter` parses them.
    pub level: String,
}

/// What a line of the log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For machines.
    Json,
}

impl LogFormat {
    /// The format's name in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pretty => "pretty",
            Self::Json => "json",
        }
    }
}
