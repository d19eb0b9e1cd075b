//! Composition: connects the ports of the domain to their adapters. Only this module depends on every crate.

use std::sync::Arc;
use std::time::Duration;

use doorward_application::{CheckPepper, CheckPepperError, NoticePolicy, Policies, Ports};
use doorward_domain::mail::Mailer;
use doorward_http::HttpSettings;
use doorward_jwt::{IssuerAndAudience, Signer, Verifier};
use doorward_keys::{HmacAttemptKeys, KeyRing, MasterKeys, RefreshSealer};
use doorward_mail::TemplateMailer;
use doorward_password::{Argon2Hasher, ZxcvbnEstimator};
use doorward_persistence::{Database, DatabaseSettings, migrate};
use doorward_runtime::executor::{LaneSettings, Priority};
use doorward_runtime::{AttemptSummary, LanesSettings, MailDeliverySettings};

use crate::config::Settings;
use crate::data_dir;
use crate::exit::ExitError;
use crate::system::{OsEntropy, clock, now};

/// How long a request waits for the database, in all its transactions together. One that hangs returns no error. With the
/// second that a request may wait for the list of revocations before, the response comes within 5 s.
const STORE_LIMIT: Duration = Duration::from_millis(3500);

/// How many requests may wait for the storage lane. Each takes milliseconds, and none waits longer than
/// [`DatabaseSettings::acquire_timeout`].
const STORE_QUEUE: usize = 1024;

/// Migrates the schema and opens the database.
pub fn database(settings: &Settings) -> Result<Arc<Database>, ExitError> {
    let applied = migrate(&settings.database.url)?;
    if !applied.is_empty() {
        tracing::info!(migrations = applied.len(), database = %settings.database.url, "schema brought up to date");
    }
    Ok(Arc::new(Database::open(&settings.database)?))
}

/// Opens the database with a connection of its own for reading revocations, which must not wait for requests.
fn revocation_store(settings: &Settings) -> Result<Arc<Database>, ExitError> {
    Ok(Arc::new(Database::open(&DatabaseSettings {
        max_connections: 1,
        ..settings.database.clone()
    })?))
}

/// Returns the master keys. Takes the configured ones out of the settings.
pub fn master_keys(settings: &mut Settings) -> Result<MasterKeys, ExitError> {
    Ok(MasterKeys {
        current: data_dir::master_key(settings)?,
        previous: settings.keys.previous_master.take(),
    })
}

/// How many verified access tokens are cached: a few MiB if the cache is full.
const CACHED_TOKENS: usize = 8192;

/// Creates the data directory and the master key if they do not exist, opens the database, and builds the ports. Also
/// returns the key ring and the database behind some of them, for periodic tasks.
pub fn ports(settings: &mut Settings) -> Result<(Ports, Arc<KeyRing>, Arc<Database>), ExitError> {
    data_dir::prepare(settings)?;
    // The master key comes before the database, so that a database without its key is noticed and no new key is created.
    let masters = master_keys(settings)?;
    let store = database(settings)?;
    let hasher = hasher(settings)?;
    check_pepper(&hasher, &store)?;
    let ring = KeyRing::open(&*store, &masters, settings.keys.rules, now(), &OsEntropy)?;
    let ring = Arc::new(ring);
    let parties = IssuerAndAudience {
        issuer: settings.server.public_url.clone(),
        audience: settings.tokens.audience.clone(),
    };
    let attempt_keys = HmacAttemptKeys::new(&masters.current).map_err(ExitError::other_error)?;
    let ports = Ports {
        revocation_store: revocation_store(settings)?,
        store: Arc::clone(&store) as _,
        hasher: Arc::new(hasher),
        estimator: Arc::new(ZxcvbnEstimator),
        attempt_keys: Arc::new(attempt_keys),
        refused_attempts: Arc::new(AttemptSummary::default()),
        signer: Arc::new(Signer::new(Arc::clone(&ring), parties.clone())),
        verifier: Arc::new(
            Verifier::new(Arc::clone(&ring), parties, settings.tokens.leeway).with_cache(CACHED_TOKENS),
        ),
        refresh_tokens: Arc::new(RefreshSealer::new(Arc::clone(&ring))),
        published_keys: Arc::clone(&ring) as _,
        entropy: Arc::new(OsEntropy),
        clock: clock(),
    };
    Ok((ports, ring, store))
}

/// Returns the password hasher. Takes the peppers out of the settings.
fn hasher(settings: &mut Settings) -> Result<Argon2Hasher, ExitError> {
    let peppers = core::mem::take(&mut settings.password.peppers);
    Argon2Hasher::new(settings.password.argon2, peppers)
        .map_err(|error| ExitError::configuration(error.to_string()))
}

/// Fails if passwords were hashed with a pepper that is not configured.
fn check_pepper(hasher: &Argon2Hasher, store: &Database) -> Result<(), ExitError> {
    CheckPepper { store }
        .execute(hasher.pepper_ids())
        .map_err(|error| match error {
            CheckPepperError::Mismatch(mismatch) => ExitError::configuration(format!(
                "password.pepper: {mismatch}, so none of them would verify: configure the same pepper; to change or remove it, \
                 give it as password.previous_pepper"
            )),
            CheckPepperError::Store(error) => error.into(),
        })
}

/// The policies of the use cases, as configured.
pub fn policies(settings: &Settings) -> Policies {
    let mail = &settings.mail;
    let notices = NoticePolicy {
        locale: mail.locale,
        retry_for: mail.retry_for,
    };
    Policies {
        notices: mail.notices.then_some(notices),
        session: settings.tokens.session,
        attempts: settings.attempts,
        password: settings.password.policy,
        registration: settings.registration,
        email_in_access_tokens: settings.tokens.email,
        leeway: settings.tokens.leeway,
    }
}

/// The mailer; `None` without a transport. Takes the templates out of the settings.
pub fn mailer(settings: &mut Settings) -> Result<Option<Arc<dyn Mailer>>, ExitError> {
    let Some(mailer) = settings.mail.mailer.take() else {
        return Ok(None);
    };
    let mailer = TemplateMailer::new(mailer)
        .map_err(|error| ExitError::configuration(format!("mail.smtp: {error}")))?;
    Ok(Some(Arc::new(mailer)))
}

/// How mails are delivered, as configured.
pub const fn mail_delivery(settings: &Settings) -> MailDeliverySettings {
    MailDeliverySettings {
        workers: settings.mail.workers,
        longest_attempt: settings.mail.longest_attempt,
    }
}

/// The settings of the HTTP server, as configured.
pub fn http(settings: &Settings) -> HttpSettings {
    HttpSettings {
        listen: settings.server.listen,
        management_listen: settings.server.management_listen,
        management_hosts: settings.server.management_hosts.clone(),
        proxies: settings.server.proxies.clone(),
        connections: settings.server.connections,
        throttle: settings.throttle,
        drain_delay: settings.server.drain_delay,
    }
}

/// The bounds of the lanes, as configured.
pub fn lanes(settings: &Settings) -> LanesSettings {
    LanesSettings {
        password: settings.lane,
        storage: storage_lane(&settings.database),
    }
}

/// The lane for requests that only use the store: a thread for each database connection but one, which is left to
/// maintenance.
fn storage_lane(database: &DatabaseSettings) -> LaneSettings {
    let connections = usize::try_from(database.max_connections).unwrap_or(usize::MAX);
    LaneSettings {
        workers: connections.saturating_sub(1).max(1),
        queue: STORE_QUEUE,
        deadline: database.acquire_timeout,
        limit: STORE_LIMIT,
        priority: Priority::Normal,
    }
}
