//! The composition: the one place that knows every crate, and fills the domain's ports with adapters.

use std::sync::Arc;
use std::time::Duration;

use doorward_application::AccountRules;
use doorward_domain::entropy::Entropy;
use doorward_domain::key::KeyPolicy;
use doorward_domain::store_error::StoreError;
use doorward_http::{
    ConnectionSettings, ForwardingHeader, HttpSettings, ProxySettings, Rate, ThrottleSettings as HttpThrottle,
};
use doorward_jwt::{
    Algorithm, HmacAttemptKeys, IssuerAndAudience, KeyRing, KeyRules, MasterKeys, OpenError as KeyError,
    RefreshSealer, Signer, Verifier,
};
use doorward_password::{Argon2Hasher, Argon2Params, ZxcvbnEstimator};
use doorward_persistence::{Database, DatabaseSettings, OpenError, migrate};
use doorward_runtime::executor::{LaneSettings as RuntimeLane, Priority};
use doorward_runtime::{LanesSettings, Policies, Ports};

use crate::config::{ForwardedHeader, Quota, Settings, SigningAlgorithm};
use crate::failure::Failure;
use crate::first_start;
use crate::system::{OsEntropy, clock, now};

/// How long a transaction waits for a connection, a lock or its turn to write before the database counts as away.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// How long a request waits for a transaction that is under way. A database that is frozen does not refuse: it is silent.
const STORE_LIMIT: Duration = Duration::from_secs(5);

/// How long a request waits for a hash that is under way.
const HASH_LIMIT: Duration = Duration::from_secs(15);

/// How many requests may wait for the storage lane. Each takes milliseconds, and all of them wait no longer than
/// [`STORE_PATIENCE`].
const STORE_QUEUE: usize = 1024;

/// The database, with its schema brought up to date.
pub fn database(settings: &Settings) -> Result<Arc<Database>, Failure> {
    let applied = migrate(&settings.database.url)?;
    if !applied.is_empty() {
        tracing::info!(migrations = applied.len(), database = %settings.database.url, "schema brought up to date");
    }
    open(settings, settings.database.max_connections)
}

/// The database on so many connections.
fn open(settings: &Settings, max_connections: u32) -> Result<Arc<Database>, Failure> {
    let url = settings.database.url.clone();
    Ok(Arc::new(Database::open(&DatabaseSettings {
        url,
        max_connections,
        acquire_timeout: STORE_PATIENCE,
    })?))
}

/// The master keys. Takes those that were given out of the settings.
pub fn master_keys(settings: &mut Settings) -> Result<MasterKeys, Failure> {
    Ok(MasterKeys {
        current: first_start::master_key(settings)?,
        previous: settings.keys.previous_master.take(),
    })
}

/// When keys are made, used and forgotten, as configured.
pub fn key_policy(settings: &Settings) -> KeyPolicy {
    let tokens = &settings.tokens;
    KeyPolicy {
        rotate_every: settings.keys.rotate_every,
        access_life: tokens.session.access_ttl + tokens.leeway,
        refresh_life: tokens.session.refresh_ttl,
    }
}

/// What the key ring goes by, as configured.
pub fn key_rules(settings: &Settings) -> KeyRules {
    KeyRules {
        algorithm: algorithm(settings.keys.algorithm),
        policy: key_policy(settings),
    }
}

/// How many access tokens are remembered as verified: a few MiB when the memory is full.
const REMEMBERED_TOKENS: usize = 8192;

/// The data directory and what is made in it at the first start, then the database, then the ports on it; and the key ring
/// behind some of them, which has to be tended.
pub fn ports(settings: &mut Settings) -> Result<(Ports, Arc<KeyRing>), Failure> {
    first_start::prepare_data_dir(&settings.data_dir)?;
    // The key comes before the database: a database without its key is a mistake that must not be papered over.
    let masters = master_keys(settings)?;
    let store = database(settings)?;
    let ring = KeyRing::open(&*store, &masters, key_rules(settings), now(), &OsEntropy)?;
    let ring = Arc::new(ring);
    let parties = IssuerAndAudience {
        issuer: settings.server.public_url.clone(),
        audience: settings.tokens.audience.clone(),
    };
    let attempt_keys = HmacAttemptKeys::new(&masters.current).map_err(Failure::other_error)?;
    let ports = Ports {
        revocation_store: open(settings, 1)?,
        store,
        hasher: Arc::new(hasher(settings)?),
        estimator: Arc::new(ZxcvbnEstimator),
        attempt_keys: Arc::new(attempt_keys),
        signer: Arc::new(Signer::new(Arc::clone(&ring), parties.clone())),
        verifier: Arc::new(
            Verifier::new(Arc::clone(&ring), parties, settings.tokens.leeway).remembering(REMEMBERED_TOKENS),
        ),
        refresh_tokens: Arc::new(RefreshSealer::new(Arc::clone(&ring))),
        published_keys: Arc::clone(&ring) as _,
        entropy: Arc::new(OsEntropy),
        clock: clock(),
    };
    Ok((ports, ring))
}

/// What hashes passwords, as configured.
pub fn hasher(settings: &mut Settings) -> Result<Argon2Hasher, Failure> {
    let argon2 = settings.password.argon2;
    let params = Argon2Params {
        memory_kib: argon2.memory_kib,
        iterations: argon2.iterations,
        parallelism: argon2.parallelism,
    };
    Argon2Hasher::new(params, settings.password.pepper.take())
        .map_err(|error| Failure::configuration(error.to_string()))
}

/// What a new account is held to, for commands that make one.
pub fn account_rules<'a>(
    settings: &'a Settings,
    hasher: &'a Argon2Hasher,
    entropy: &'a dyn Entropy,
) -> AccountRules<'a> {
    AccountRules {
        password_policy: &settings.password.policy,
        estimator: &ZxcvbnEstimator,
        hasher,
        entropy,
    }
}

/// The policies, as configured.
pub const fn policies(settings: &Settings) -> Policies {
    Policies {
        session: settings.tokens.session,
        attempts: settings.attempts,
        password: settings.password.policy,
        email_in_access_tokens: settings.tokens.email,
        leeway: settings.tokens.leeway,
    }
}

/// The settings of the listeners.
pub fn http(settings: &Settings) -> HttpSettings {
    HttpSettings {
        listen: settings.server.listen,
        management_listen: settings.server.management_listen,
        proxies: ProxySettings {
            trusted: settings.server.trusted_proxies.clone(),
            header: match settings.server.forwarded_header {
                ForwardedHeader::XForwardedFor => ForwardingHeader::XForwardedFor,
                ForwardedHeader::Forwarded => ForwardingHeader::Forwarded,
            },
        },
        connections: ConnectionSettings {
            most: settings.server.max_connections,
            most_per_client: settings.server.max_connections_per_address,
            idle: settings.server.idle_timeout,
        },
        throttle: HttpThrottle {
            enabled: settings.throttle.enabled,
            sensitive: rate(settings.throttle.sensitive),
            refresh: rate(settings.throttle.refresh),
            general: rate(settings.throttle.general),
        },
    }
}

/// The bounds of the lanes.
pub fn lanes(settings: &Settings) -> LanesSettings {
    let connections = usize::try_from(settings.database.max_connections).unwrap_or(usize::MAX);
    LanesSettings {
        password: RuntimeLane {
            workers: settings.lane.workers,
            queue: settings.lane.queue,
            deadline: settings.lane.deadline,
            limit: HASH_LIMIT,
            priority: Priority::Low,
        },
        storage: RuntimeLane {
            // One is left to what the server does besides answering requests.
            workers: connections.saturating_sub(1).max(1),
            queue: STORE_QUEUE,
            deadline: STORE_PATIENCE,
            limit: STORE_LIMIT,
            priority: Priority::Normal,
        },
    }
}

const fn rate(quota: Quota) -> Rate {
    Rate {
        burst: quota.burst,
        per_minute: quota.per_minute,
    }
}

const fn algorithm(algorithm: SigningAlgorithm) -> Algorithm {
    match algorithm {
        SigningAlgorithm::EdDsa => Algorithm::EdDsa,
        SigningAlgorithm::Es256 => Algorithm::Es256,
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Misconfigured(_) => Self::configuration(error.to_string()),
            OpenError::Unreachable(_) => Self::DatabaseUnreachable(error.to_string()),
            OpenError::SchemaDiffers(_) | OpenError::MigrationFailed(_) => Self::other(error.to_string()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::DatabaseUnreachable(error.to_string()),
            StoreError::Corrupt(_) => Self::other(error.to_string()),
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error.into(),
            KeyError::WrongMasterKey { .. } => Self::configuration(format!("keys.master_key: {error}")),
            KeyError::NeitherMasterKey { .. } => {
                Self::configuration(format!("keys.previous_master_key: {error}"))
            }
            _ => Self::other(error.to_string()),
        }
    }
}
