//! The configuration as it is written: every key, its type, its default and its meaning.
//!
//! This is the one place where a key is declared. The table of known keys, the reading of environment variables, the
//! bounds of numbers and durations and the reference in `docs/configuration.md` are all derived from these structs.
//!
//! In the schema attributes: `range` bounds a number, `x-min` and `x-max` bound a duration, `x-default` says in words
//! what the default is when it depends on something else.

use schemars::JsonSchema;
use serde::Deserialize;

use super::scalar::{Secret, Span};

/// Every key there is.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawSettings {
    /// The directory for what Doorward keeps in files: the embedded database, the master key made at the first start,
    /// and the addresses it listens on (`listen`, `management_listen`). Made with mode 0700 when absent.
    pub data_dir: String,
    /// Where it listens and what stands in front of it.
    pub server: RawServer,
    /// The database.
    pub database: RawDatabase,
    /// The keys that tokens are signed and sealed with.
    pub keys: RawKeys,
    /// Access and refresh tokens.
    pub tokens: RawTokens,
    /// Which passwords are accepted and how they are hashed.
    pub password: RawPassword,
    /// The lane that passwords are hashed on: bounded, so that a storm of logins cannot take down anything else.
    pub lane: RawLane,
    /// How many guesses an account allows, wherever they come from.
    pub attempts: RawAttempts,
    /// How many requests an address may make, on each instance.
    pub throttle: RawThrottle,
    /// What is remembered of what happened.
    pub audit: RawAudit,
    /// The creation of the first administrator.
    pub setup: RawSetup,
    /// Logging, to standard error, one line an event.
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
            lane: RawLane::default(),
            attempts: RawAttempts::default(),
            throttle: RawThrottle::default(),
            audit: RawAudit::default(),
            setup: RawSetup::default(),
            log: RawLog::default(),
        }
    }
}

/// `server.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawServer {
    /// The IP address and port of the API. Port 0 picks a free one; the address bound is logged and written to
    /// `<data_dir>/listen`.
    pub listen: String,
    /// The IP address and port of the management listener, which serves health and metrics and should not be reachable
    /// from outside. The address bound is written to `<data_dir>/management_listen`.
    pub management_listen: String,
    /// The URL by which clients reach this service: the issuer (`iss`) of every token, and the base of every link. An
    /// http or https URL without user, query or fragment; a trailing slash is dropped.
    pub public_url: String,
    /// The proxies whose forwarding header is believed, as networks (`10.0.0.0/8`) or single addresses. With none, the
    /// peer of the connection is the client.
    pub trusted_proxies: Vec<String>,
    /// The header in which trusted proxies forward the client's address: `x-forwarded-for` or `forwarded` (RFC 7239).
    pub forwarded_header: String,
    /// The most connections of clients at once; more wait to be accepted. The limit on open files allows for about half
    /// its number; it is raised as far as the system lets it be.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_connections: u32,
    /// The most connections of one client at once, by address (IPv4) or /64 (IPv6); more are closed. Trusted proxies are
    /// not held to it. Well below `server.max_connections`, it keeps one client from taking every place.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_connections_per_address: u32,
    /// How long an idle connection is kept for the next request. A proxy that keeps connections should keep them for less
    /// long. An answer has to be read within this time and five seconds.
    #[schemars(extend("x-min" = "1s", "x-max" = "10m"))]
    pub idle_timeout: Span,
}

impl Default for RawServer {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            management_listen: "127.0.0.1:9080".into(),
            public_url: "http://localhost:8080".into(),
            trusted_proxies: Vec::new(),
            forwarded_header: "x-forwarded-for".into(),
            max_connections: 4096,
            max_connections_per_address: 1024,
            idle_timeout: Span::seconds(30),
        }
    }
}

/// `database.*`
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawDatabase {
    /// The database: `sqlite://` and a path (`sqlite://data/doorward.db` is relative, `sqlite:///srv/doorward.db`
    /// absolute), or `postgres://user:password@host/database`.
    #[schemars(extend("x-default" = "`sqlite://<data_dir>/doorward.db`"))]
    pub url: Option<Secret>,
    /// A file that holds `database.url`.
    pub url_file: Option<String>,
    /// The most connections this instance opens for requests; one more follows what was revoked. On PostgreSQL the sum over
    /// all instances has to stay below the server's own `max_connections`, less what others need.
    #[schemars(range(min = 1, max = 10_000), extend("x-default" = "cores × 4, at least 8"))]
    pub max_connections: Option<u32>,
}

/// `keys.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawKeys {
    /// The key that seals every other key in the database: 32 bytes in base64, as `openssl rand -base64 32` makes it.
    /// Required with PostgreSQL.
    #[schemars(extend("x-default" = "with SQLite, the content of `<data_dir>/master.key`, made at the first start"))]
    pub master_key: Option<Secret>,
    /// A file that holds `keys.master_key`.
    pub master_key_file: Option<String>,
    /// The master key before this one. Keys still sealed under it are opened with it; `doorward keys reseal` seals them anew.
    pub previous_master_key: Option<Secret>,
    /// A file that holds `keys.previous_master_key`.
    pub previous_master_key_file: Option<String>,
    /// How old the newest key grows before the next one is made, which is published for a while and then takes over.
    #[schemars(extend("x-min" = "1m", "x-max" = "3650d"))]
    pub rotate_every: Span,
    /// The algorithm of signing keys made from now on: `EdDSA` (Ed25519) or `ES256` (P-256).
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
            algorithm: "EdDSA".into(),
        }
    }
}

/// `tokens.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawTokens {
    /// Who access tokens are for (`aud`): 1 to 256 characters.
    pub audience: String,
    /// The life of an access token, in whole seconds.
    #[schemars(extend("x-min" = "1s", "x-max" = "24h"))]
    pub access_ttl: Span,
    /// The life of a session, however much it is used.
    #[schemars(extend("x-min" = "1s", "x-max" = "3650d"))]
    pub refresh_ttl: Span,
    /// The life of a session that is not refreshed; at most `tokens.refresh_ttl`.
    #[schemars(extend("x-min" = "1s", "x-max" = "3650d"))]
    pub refresh_idle: Span,
    /// How long a refresh token that has just been used is still answered, with the same successor: for answers that
    /// were lost and tabs that race. `"0s"` takes every retry for a theft.
    #[schemars(extend("x-min" = "0s", "x-max" = "5m"))]
    pub refresh_grace: Span,
    /// How far the clocks of instances may differ when the times in a token are checked, in whole seconds.
    #[schemars(extend("x-min" = "0s", "x-max" = "60s"))]
    pub leeway: Span,
    /// Whether access tokens carry the e-mail address of the user.
    pub email: bool,
    /// How many live sessions a user may have; with one more, the least recently used ends.
    #[schemars(range(min = 1, max = 10000))]
    pub max_sessions: u32,
}

impl Default for RawTokens {
    fn default() -> Self {
        Self {
            audience: "doorward".into(),
            access_ttl: Span::minutes(15),
            refresh_ttl: Span::days(30),
            refresh_idle: Span::days(7),
            refresh_grace: Span::seconds(10),
            leeway: Span::seconds(5),
            email: true,
            max_sessions: 50,
        }
    }
}

/// `password.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawPassword {
    /// The fewest characters of a new password. Below 8 a warning is logged; the most is always 256.
    #[schemars(range(min = 6, max = 64))]
    pub min_length: u32,
    /// The lowest estimate accepted for a new password, from 0 (too guessable) to 4 (very unguessable), as zxcvbn
    /// estimates it.
    #[schemars(range(min = 0, max = 4))]
    pub min_score: u8,
    /// A secret that goes into every hash and is not in the database: at least 16 bytes, in base64. Once set it must
    /// stay: without it no password made with it verifies.
    pub pepper: Option<Secret>,
    /// A file that holds `password.pepper`.
    pub pepper_file: Option<String>,
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
    /// Lanes.
    #[schemars(range(min = 1, max = 16))]
    pub parallelism: u32,
}

impl RawArgon2 {
    /// The memory below which a warning is logged, in KiB.
    pub const MEMORY_KIB: u32 = 19_456;
    /// The passes below which a warning is logged.
    pub const ITERATIONS: u32 = 2;
}

impl Default for RawArgon2 {
    fn default() -> Self {
        Self {
            memory_kib: Self::MEMORY_KIB,
            iterations: Self::ITERATIONS,
            parallelism: 1,
        }
    }
}

/// `lane.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawLane {
    /// How many passwords are hashed at once. Each worker keeps `password.argon2.memory_kib` of memory.
    #[schemars(range(min = 1, max = 1024), extend("x-default" = "cores"))]
    pub workers: Option<u32>,
    /// How many may wait; one more is refused with 503.
    #[schemars(range(min = 1, max = 100_000))]
    pub queue: u32,
    /// How long one may wait; then it is refused with 503.
    #[schemars(extend("x-min" = "1ms", "x-max" = "30s"))]
    pub deadline: Span,
}

impl Default for RawLane {
    fn default() -> Self {
        Self {
            workers: None,
            queue: 64,
            deadline: Span::seconds(2),
        }
    }
}

/// `attempts.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawAttempts {
    /// Wrong passwords that cost nothing; at most `attempts.daily`.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub free: u32,
    /// The wait after the last free one; it doubles with each failure after that. At most `attempts.max_wait`.
    #[schemars(extend("x-min" = "1s", "x-max" = "24h"))]
    pub first_wait: Span,
    /// The longest wait.
    #[schemars(extend("x-min" = "1s", "x-max" = "24h"))]
    pub max_wait: Span,
    /// The most wrong passwords that are looked at for one account in any 24 hours; a network that its owner logs in from
    /// has as many of its own.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub daily: u32,
}

impl Default for RawAttempts {
    fn default() -> Self {
        Self {
            free: 5,
            first_wait: Span::seconds(30),
            max_wait: Span::minutes(15),
            daily: 100,
        }
    }
}

/// `throttle.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawThrottle {
    /// Whether there is a throttle at all.
    pub enabled: bool,
    /// Login, registration, setup and password change together.
    pub sensitive: RawSensitiveQuota,
    /// Refreshing.
    pub refresh: RawRefreshQuota,
    /// Everything else.
    pub general: RawGeneralQuota,
}

impl Default for RawThrottle {
    fn default() -> Self {
        Self {
            enabled: true,
            sensitive: RawSensitiveQuota::default(),
            refresh: RawRefreshQuota::default(),
            general: RawGeneralQuota::default(),
        }
    }
}

/// A quota with defaults of its own, so that each of its two keys can be given alone.
macro_rules! quota {
    ($name:ident, $burst:literal, $per_minute:literal) => {
        /// `throttle.<what>.*`
        #[derive(Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// Requests at once.
            #[schemars(range(min = 1, max = 1_000_000))]
            pub burst: u32,
            /// Requests a minute after that.
            #[schemars(range(min = 1, max = 1_000_000))]
            pub per_minute: u32,
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    burst: $burst,
                    per_minute: $per_minute,
                }
            }
        }
    };
}

quota!(RawSensitiveQuota, 10, 10);
quota!(RawRefreshQuota, 60, 60);
quota!(RawGeneralQuota, 200, 1200);

/// `audit.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawAudit {
    /// How long an entry of the audit log is kept; older ones are deleted. The default is a year, because an intrusion is
    /// often found months after it began, and because that is what auditors ask for.
    #[schemars(extend("x-min" = "1d", "x-max" = "3650d"))]
    pub retention: Span,
}

impl Default for RawAudit {
    fn default() -> Self {
        Self {
            retention: Span::days(365),
        }
    }
}

/// `setup.*`
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawSetup {
    /// The token that creates the first administrator. Under 16 characters a warning is logged.
    #[schemars(extend("x-default" = "one is made, printed once and kept as a digest"))]
    pub token: Option<Secret>,
    /// A file that holds `setup.token`.
    pub token_file: Option<String>,
}

/// `log.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawLog {
    /// `pretty` for people, `json` for machines.
    #[schemars(extend("x-default" = "`pretty` on a terminal, else `json`"))]
    pub format: Option<String>,
    /// `off`, `error`, `warn`, `info`, `debug` or `trace`, or several by target: `info,doorward_http=debug`. `debug` and
    /// `trace` alone mean Doorward's own code and leave the libraries it uses at `info`, because some of them log what
    /// clients send; name a library to see more of it: `debug,actix_web=debug`.
    pub level: String,
}

impl Default for RawLog {
    fn default() -> Self {
        Self {
            format: None,
            level: "info".into(),
        }
    }
}
