//! Use cases, bundled with what they need, for surfaces.

use std::sync::Arc;
use std::time::Duration;

use doorward_application::{AccountRules, Authenticate, PasswordCheck, TokenIssuer};
use doorward_domain::attempt::AttemptKeys;
use doorward_domain::attempt::AttemptPolicy;
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::key::PublishedKeys;
use doorward_domain::password::PasswordPolicy;
use doorward_domain::password::{PasswordHasher, StrengthEstimator};
use doorward_domain::session::RefreshTokens;
use doorward_domain::session::SessionPolicy;
use doorward_domain::store::UnitOfWork;
use doorward_domain::time::Timestamp;
use doorward_domain::token::{AccessTokenSigner, AccessTokenVerifier};

use prometheus::Registry;

use crate::audit_summary::{AttemptSummary, RateLimitSummary, SummaryPorts};
use crate::clock::Clock;
use crate::error::{RunError, StartError};
use crate::executor::{Lane, LaneSettings, LanesMetrics};
use crate::keyed_lock::KeyedLock;
use crate::origin::RequestOrigin;
use crate::revocation_cache::RevocationCache;

/// How often what the rate limiter refused is written into the audit log.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);

/// The ports of the domain, as the composition has filled them.
#[derive(Clone)]
pub struct Ports {
    /// Where everything is kept.
    pub store: Arc<dyn UnitOfWork>,
    /// The same store on a connection of its own, for following what was revoked.
    pub revocation_store: Arc<dyn UnitOfWork>,
    /// Hashes passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Estimates how hard passwords are to guess.
    pub estimator: Arc<dyn StrengthEstimator>,
    /// Names accounts in the table of attempts.
    pub attempt_keys: Arc<dyn AttemptKeys>,
    /// Signs access tokens.
    pub signer: Arc<dyn AccessTokenSigner>,
    /// Verifies access tokens.
    pub verifier: Arc<dyn AccessTokenVerifier>,
    /// Publishes the keys that others verify access tokens with.
    pub published_keys: Arc<dyn PublishedKeys>,
    /// Seals refresh tokens.
    pub refresh_tokens: Arc<dyn RefreshTokens>,
    /// Makes ids, keys and salts.
    pub entropy: Arc<dyn Entropy>,
    /// Returns the present.
    pub clock: Clock,
}

/// The policies of the domain, as configured.
#[derive(Debug, Clone, Copy)]
pub struct Policies {
    /// How long sessions and tokens last.
    pub session: SessionPolicy,
    /// How many attempts an account allows.
    pub attempts: AttemptPolicy,
    /// Which passwords are good enough.
    pub password: PasswordPolicy,
    /// Whether access tokens carry the user's address.
    pub email_in_access_tokens: bool,
    /// How long after its end an access token may still be accepted, for clocks that differ.
    pub leeway: Duration,
}

impl Policies {
    /// How long after it was issued an access token may still be accepted.
    pub fn token_life(&self) -> Duration {
        self.session.access_ttl + self.leeway
    }
}

/// The bounds of the lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LanesSettings {
    /// What hashes passwords.
    pub password: LaneSettings,
    /// What only uses the store.
    pub storage: LaneSettings,
}

/// What surfaces run use cases with: ports, policies, and the lanes that use cases run on.
pub struct Application {
    /// The ports.
    pub ports: Ports,
    /// The policies.
    pub policies: Policies,
    /// Runs what hashes passwords.
    pub password_lane: Lane,
    /// Runs what only uses the store.
    pub storage_lane: Lane,
    /// The recent revocations.
    pub revocations: Arc<RevocationCache>,
    pub(crate) keyed_lock: KeyedLock,
    rate_limited: Arc<RateLimitSummary>,
    refused_attempts: AttemptSummary,
}

impl Application {
    /// Reads the recent revocations and starts the threads. Metrics are registered in `registry`.
    pub fn start(
        ports: Ports,
        policies: Policies,
        lanes: LanesSettings,
        registry: &Registry,
    ) -> Result<Arc<Self>, StartError> {
        let revocations = RevocationCache::open(
            Arc::clone(&ports.revocation_store),
            Arc::clone(&ports.clock),
            policies.token_life(),
        )?;
        revocations.follow()?;
        let summary_ports = SummaryPorts {
            store: Arc::clone(&ports.store),
            entropy: Arc::clone(&ports.entropy),
            clock: Arc::clone(&ports.clock),
        };
        let rate_limited = RateLimitSummary::start(summary_ports, SUMMARY_INTERVAL, registry)?;
        let metrics = LanesMetrics::new(registry)?;
        let hasher = Arc::clone(&ports.hasher);
        let password_lane = Lane::start("password", lanes.password, metrics.lane("password"), move || {
            hasher.rest();
        })?;
        let storage_lane = Lane::start("storage", lanes.storage, metrics.lane("storage"), || {})?;
        Ok(Arc::new(Self {
            ports,
            policies,
            password_lane,
            storage_lane,
            revocations,
            keyed_lock: KeyedLock::default(),
            rate_limited,
            refused_attempts: AttemptSummary::default(),
        }))
    }

    /// Stops following the revocations, and writes what the rate limiter refused since the last time. For when no request is
    /// accepted any more.
    pub fn stop(&self) {
        self.revocations.stop();
        self.rate_limited.stop();
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        (self.ports.clock)()
    }

    /// The store.
    pub fn store(&self) -> &dyn UnitOfWork {
        &*self.ports.store
    }

    /// The source of randomness.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.ports.entropy
    }

    /// What an access token is checked with.
    pub fn authenticate(&self) -> Authenticate<'_> {
        Authenticate {
            verifier: &*self.ports.verifier,
            revocations: &*self.revocations,
            max_age: self.policies.token_life(),
        }
    }

    /// What a new account is held to.
    pub fn account_rules(&self) -> AccountRules<'_> {
        AccountRules {
            password_policy: &self.policies.password,
            estimator: &*self.ports.estimator,
            hasher: &*self.ports.hasher,
            entropy: self.entropy(),
        }
    }

    /// What a password is verified with.
    pub fn password_check(&self) -> PasswordCheck<'_> {
        PasswordCheck {
            store: self.store(),
            hasher: &*self.ports.hasher,
            attempt_keys: &*self.ports.attempt_keys,
            attempts: &self.policies.attempts,
            refused: &self.refused_attempts,
            entropy: self.entropy(),
        }
    }

    /// What token pairs are made with.
    pub fn token_issuer(&self) -> TokenIssuer<'_> {
        TokenIssuer {
            signer: &*self.ports.signer,
            refresh_tokens: &*self.ports.refresh_tokens,
            policy: &self.policies.session,
            email_in_access_tokens: self.policies.email_in_access_tokens,
            entropy: self.entropy(),
        }
    }

    /// Passes on the result of a use case that may have revoked something, after this instance's revocation cache has been
    /// refreshed: when a client is answered that a session is over, this instance no longer accepts its tokens.
    pub fn revoking<T>(&self, result: T) -> T {
        // If it fails now, the thread that follows the revocations will fail and log it.
        let _ = self.revocations.read();
        result
    }

    /// Counts a request that the rate limiter refused, for the next summary in the audit log.
    pub fn count_rate_limited(&self, class: &'static str, origin: &RequestOrigin) {
        self.rate_limited.count(class, origin, self.now());
    }

    /// Runs a use case, or one phase of it, on a lane: what hashes on the password lane, what uses the store on the storage
    /// lane. Nothing waits for one lane while it occupies the other.
    pub async fn run<T, E>(
        self: &Arc<Self>,
        lane: &Lane,
        origin: &RequestOrigin,
        work: impl FnOnce(&Self, &RequestContext) -> Result<T, E> + Send + 'static,
    ) -> Result<T, RunError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (app, origin) = (Arc::clone(self), origin.clone());
        // The time is read when the work begins, not when it was queued.
        lane.run(origin.client(), move || work(&app, &origin.context(app.now())))
            .await
            .map_err(RunError::Executor)?
            .map_err(RunError::UseCase)
    }
}
