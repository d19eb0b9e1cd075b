//! From keys as they are written to settings that can be used.
//!
//! Kinds and bounds of single values have been checked by now. What is left is meaning: addresses, URLs, words from a
//! list, and settings that must fit each other. A setting that may be at most another one and was left at its default
//! gives way to it; one that was given does not.

use core::fmt::Display;
use core::net::SocketAddr;
use core::num::NonZeroU32;
use core::time::Duration;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use config::Config;
use doorward_domain::attempt::AttemptPolicy;
use doorward_domain::password::PasswordPolicy;
use doorward_domain::session::SessionPolicy;
use secrecy::{ExposeSecret, SecretString};

use super::context::Context;
use super::parse;
use super::raw::{
    RawArgon2, RawAttempts, RawDatabase, RawKeys, RawLane, RawLog, RawPassword, RawServer, RawSettings,
    RawSetup, RawThrottle, RawTokens,
};
use super::scalar::Span;
use super::secret::{master_key, pepper};
use super::settings::{
    Argon2Settings, AuditSettings, DatabaseSettings, ForwardedHeader, KeySettings, LaneSettings, LogFormat,
    LogSettings, PasswordSettings, Quota, ServerSettings, Settings, SigningAlgorithm, ThrottleSettings,
    TokenSettings,
};
use crate::failure::Failure;
use doorward_persistence::DatabaseUrl;

/// The fewest characters of a setup token that is not warned of.
const SETUP_TOKEN_LENGTH: usize = 16;

/// The password length below which a warning is logged.
const PASSWORD_LENGTH: u32 = 8;

/// The longest audience, in characters.
const AUDIENCE_LENGTH: usize = 256;

/// The fewest database connections that are allowed by default.
const CONNECTIONS: u32 = 8;

/// Checks the merged configuration and makes the settings of it.
pub fn resolve(merged: Config) -> Result<Settings, Failure> {
    let mut context = Context::new(&merged.cache);
    let raw: RawSettings = merged
        .try_deserialize()
        .map_err(|error| Failure::configuration(error.to_string()))?;
    if raw.data_dir.is_empty() {
        context.refuse("data_dir", "it is empty; \".\" would be the working directory");
    }
    let data_dir = PathBuf::from(raw.data_dir);
    let server = server(&mut context, &raw.server);
    let database = database(&mut context, raw.database, &data_dir);
    let keys = keys(&mut context, raw.keys, &database.url);
    let tokens = tokens(&mut context, raw.tokens);
    let password = password(&mut context, raw.password);
    let attempts = attempts(&mut context, &raw.attempts);
    let setup_token = setup_token(&mut context, raw.setup);
    let log = log(&mut context, raw.log);
    context.problems.check()?;
    Ok(Settings {
        data_dir,
        server,
        database,
        keys,
        tokens,
        password,
        lane: lane(&raw.lane),
        attempts,
        throttle: throttle(&raw.throttle),
        audit: AuditSettings {
            retention: raw.audit.retention.0,
        },
        setup_token,
        log,
        warnings: context.warnings,
    })
}

fn server(context: &mut Context, raw: &RawServer) -> ServerSettings {
    let mut address = |key: &str, text: &str| {
        let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
        context.accept(key, parse::address(text)).unwrap_or(unspecified)
    };
    let listen = address("server.listen", &raw.listen);
    let management_listen = address("server.management_listen", &raw.management_listen);
    if listen.port() != 0 && listen == management_listen {
        context.refuse("server.management_listen", "it is the same as server.listen");
    }

    let public_url = context
        .accept("server.public_url", parse::public_url(&raw.public_url))
        .unwrap_or_default();
    if parse::is_insecure(&public_url) {
        context.warn(
            "server.public_url",
            "tokens and passwords travel unencrypted over http",
        );
    }

    let mut trusted_proxies = Vec::with_capacity(raw.trusted_proxies.len());
    for text in &raw.trusted_proxies {
        trusted_proxies.extend(context.accept("server.trusted_proxies", parse::network(text)));
    }
    if trusted_proxies.iter().any(|network| network.prefix_len() == 0) {
        context.warn(
            "server.trusted_proxies",
            "a network of /0 lets every client forge its address",
        );
    }

    let headers = [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded];
    let header = parse::word(&raw.forwarded_header, headers, ForwardedHeader::as_str);
    let forwarded_header = context
        .accept("server.forwarded_header", header)
        .unwrap_or(ForwardedHeader::XForwardedFor);
    ServerSettings {
        listen,
        management_listen,
        public_url,
        trusted_proxies,
        forwarded_header,
        max_connections: size(raw.max_connections),
        max_connections_per_address: size(raw.max_connections_per_address),
        idle_timeout: raw.idle_timeout.0,
    }
}

fn database(context: &mut Context, raw: RawDatabase, data_dir: &Path) -> DatabaseSettings {
    let given = context.secret("database.url", raw.url, raw.url_file.as_deref(), |url| {
        DatabaseUrl::parse_secret(url).map_err(|error| error.to_string())
    });
    let url = given.unwrap_or_else(|| DatabaseUrl::sqlite(data_dir.join("doorward.db")));
    let max_connections = raw
        .max_connections
        .unwrap_or_else(|| cores().saturating_mul(4).max(CONNECTIONS));
    DatabaseSettings { url, max_connections }
}

fn keys(context: &mut Context, raw: RawKeys, database: &DatabaseUrl) -> KeySettings {
    let is_given = raw.master_key.is_some() || raw.master_key_file.is_some();
    if !database.is_sqlite() && !is_given {
        let what =
            "with PostgreSQL it must be given, the same to every instance: openssl rand -base64 32 makes one";
        context.refuse("keys.master_key", what);
    }
    let file = raw.master_key_file.as_deref();
    let master = context.secret("keys.master_key", raw.master_key, file, master_key);
    let file = raw.previous_master_key_file.as_deref();
    let previous_master = context.secret(
        "keys.previous_master_key",
        raw.previous_master_key,
        file,
        master_key,
    );
    if let (Some(master), Some(previous)) = (&master, &previous_master)
        && master.to_base64().expose_secret() == previous.to_base64().expose_secret()
    {
        context.refuse("keys.previous_master_key", "it is the same as keys.master_key");
    }
    let algorithms = [SigningAlgorithm::EdDsa, SigningAlgorithm::Es256];
    let algorithm = parse::word(&raw.algorithm, algorithms, SigningAlgorithm::as_str);
    KeySettings {
        master,
        previous_master,
        rotate_every: raw.rotate_every.0,
        algorithm: context
            .accept("keys.algorithm", algorithm)
            .unwrap_or(SigningAlgorithm::EdDsa),
    }
}

fn tokens(context: &mut Context, raw: RawTokens) -> TokenSettings {
    let length = raw.audience.chars().count();
    if length == 0 || length > AUDIENCE_LENGTH || raw.audience.contains(char::is_control) {
        let what =
            format!("an audience is 1 to {AUDIENCE_LENGTH} characters, none of them a control character");
        context.refuse("tokens.audience", &what);
    }
    // The times in a JWT are whole seconds.
    for (key, span) in [
        ("tokens.access_ttl", raw.access_ttl),
        ("tokens.leeway", raw.leeway),
    ] {
        if span.0.subsec_nanos() != 0 {
            context.refuse(key, &format!("\"{span}\" is not a number of whole seconds"));
        }
    }
    let session = SessionPolicy {
        access_ttl: raw.access_ttl.0,
        refresh_ttl: raw.refresh_ttl.0,
        refresh_idle: span_up_to(
            context,
            "tokens.refresh_idle",
            raw.refresh_idle,
            "tokens.refresh_ttl",
            raw.refresh_ttl,
        ),
        refresh_grace: raw.refresh_grace.0,
        max_sessions: raw.max_sessions,
    };
    TokenSettings {
        audience: raw.audience,
        session,
        leeway: raw.leeway.0,
        email: raw.email,
    }
}

fn password(context: &mut Context, raw: RawPassword) -> PasswordSettings {
    if raw.min_length < PASSWORD_LENGTH {
        context.warn(
            "password.min_length",
            &format!("below {PASSWORD_LENGTH} passwords can be guessed"),
        );
    }
    let RawArgon2 {
        memory_kib,
        iterations,
        parallelism,
    } = raw.argon2;
    if memory_kib < RawArgon2::MEMORY_KIB {
        let what = format!(
            "below {} a stolen hash is cheap to guess against",
            RawArgon2::MEMORY_KIB
        );
        context.warn("password.argon2.memory_kib", &what);
    }
    if iterations < RawArgon2::ITERATIONS {
        let what = format!(
            "below {} a stolen hash is cheap to guess against",
            RawArgon2::ITERATIONS
        );
        context.warn("password.argon2.iterations", &what);
    }
    PasswordSettings {
        policy: PasswordPolicy {
            min_length: size(raw.min_length),
            min_score: raw.min_score,
        },
        pepper: context.secret("password.pepper", raw.pepper, raw.pepper_file.as_deref(), pepper),
        argon2: Argon2Settings {
            memory_kib,
            iterations,
            parallelism,
        },
    }
}

fn lane(raw: &RawLane) -> LaneSettings {
    LaneSettings {
        workers: size(raw.workers.unwrap_or_else(cores)),
        queue: size(raw.queue),
        deadline: raw.deadline.0,
    }
}

fn attempts(context: &mut Context, raw: &RawAttempts) -> AttemptPolicy {
    AttemptPolicy {
        free: up_to(context, "attempts.free", raw.free, "attempts.daily", raw.daily),
        first_wait: span_up_to(
            context,
            "attempts.first_wait",
            raw.first_wait,
            "attempts.max_wait",
            raw.max_wait,
        ),
        max_wait: raw.max_wait.0,
        daily: raw.daily,
    }
}

fn throttle(raw: &RawThrottle) -> ThrottleSettings {
    ThrottleSettings {
        enabled: raw.enabled,
        sensitive: quota(raw.sensitive.burst, raw.sensitive.per_minute),
        refresh: quota(raw.refresh.burst, raw.refresh.per_minute),
        general: quota(raw.general.burst, raw.general.per_minute),
    }
}

fn quota(burst: u32, per_minute: u32) -> Quota {
    let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    Quota {
        burst: at_least_one(burst),
        per_minute: at_least_one(per_minute),
    }
}

fn setup_token(context: &mut Context, raw: RawSetup) -> Option<SecretString> {
    let token = context.secret("setup.token", raw.token, raw.token_file.as_deref(), |token| {
        Ok(token.clone())
    })?;
    if token.expose_secret().chars().count() < SETUP_TOKEN_LENGTH {
        context.warn(
            "setup.token",
            &format!("under {SETUP_TOKEN_LENGTH} characters it can be guessed"),
        );
    }
    Some(token)
}

fn log(context: &mut Context, raw: RawLog) -> LogSettings {
    let format = raw.format.and_then(|format| {
        let format = parse::word(&format, [LogFormat::Pretty, LogFormat::Json], LogFormat::as_str);
        context.accept("log.format", format)
    });
    let checked = parse::log_level(&raw.level);
    context.accept("log.level", checked);
    LogSettings {
        format,
        level: raw.level,
    }
}

/// The duration at `key`, which may be at most the one at `bound_key`.
fn span_up_to(context: &mut Context, key: &str, span: Span, bound_key: &str, bound: Span) -> Duration {
    up_to(context, key, span, bound_key, bound).0
}

/// The value at `key`, which may be at most the one at `bound_key`: a default gives way, a given value is refused.
fn up_to<T: Ord + Copy + Display>(
    context: &mut Context,
    key: &str,
    value: T,
    bound_key: &str,
    bound: T,
) -> T {
    if value > bound && context.is_given(key) {
        context.refuse(
            key,
            &format!("{value} is more than {bound_key}, which is {bound}"),
        );
    }
    value.min(bound)
}

/// How many processors this process may use.
fn cores() -> u32 {
    available_parallelism()
        .ok()
        .and_then(|cores| u32::try_from(cores.get()).ok())
        .unwrap_or(1)
}

/// A number of things, as collections count them.
fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
