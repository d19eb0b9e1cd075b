//! What every handler works with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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

use crate::clock::Clock;
use crate::extract::Origin;
use crate::keyed_lock::KeyedLock;
use crate::lane::Lane;
use crate::metrics::Metrics;
use crate::probes::Probes;
use crate::problem::Problem;
use crate::refusals::RefusalLog;
use crate::refused_attempts::RefusalCounts;
use crate::revocation_cache::RevocationCache;
use crate::throttle::Class;

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
    /// Tells the time.
    pub clock: Clock,
}

/// The policies of the domain, as configured.
#[derive(Debug, Clone, Copy)]
pub struct Policies {
    /// How long sessions and tokens last.
    pub session: SessionPolicy,
    /// How many guesses an account allows.
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
    pub(crate) fn token_life(&self) -> Duration {
        self.session.access_ttl + self.leeway
    }
}

/// What every handler works with: ports, policies, and the lanes on which use cases run.
pub struct App {
    pub(crate) ports: Ports,
    pub(crate) policies: Policies,
    pub(crate) password_lane: Lane,
    pub(crate) storage_lane: Lane,
    pub(crate) keyed_lock: KeyedLock,
    pub(crate) revocations: Arc<RevocationCache>,
    pub(crate) metrics: Metrics,
    pub(crate) refusals: Arc<RefusalLog>,
    pub(crate) refused_attempts: RefusalCounts,
    pub(crate) probes: Probes,
    pub(crate) draining: AtomicBool,
    /// The OpenAPI document.
    pub(crate) document: &'static str,
}

impl App {
    /// The present.
    pub(crate) fn now(&self) -> Timestamp {
        (self.ports.clock)()
    }

    /// The store.
    pub(crate) fn store(&self) -> &dyn UnitOfWork {
        &*self.ports.store
    }

    /// The source of randomness.
    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.ports.entropy
    }

    /// What an access token is checked with.
    pub(crate) fn authenticate(&self) -> Authenticate<'_> {
        Authenticate {
            verifier: &*self.ports.verifier,
            revocations: &*self.revocations,
            max_age: self.policies.token_life(),
        }
    }

    /// What a new account is held to.
    pub(crate) fn account_rules(&self) -> AccountRules<'_> {
        AccountRules {
            password_policy: &self.policies.password,
            estimator: &*self.ports.estimator,
            hasher: &*self.ports.hasher,
            entropy: self.entropy(),
        }
    }

    /// What a password is verified with.
    pub(crate) fn password_check(&self) -> PasswordCheck<'_> {
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
    pub(crate) fn token_issuer(&self) -> TokenIssuer<'_> {
        TokenIssuer {
            signer: &*self.ports.signer,
            refresh_tokens: &*self.ports.refresh_tokens,
            policy: &self.policies.session,
            email_in_access_tokens: self.policies.email_in_access_tokens,
            entropy: self.entropy(),
        }
    }

    /// Hands through the outcome of a use case that may have revoked something, once this instance knows of it: whoever is
    /// told that a session is over can rely on it here at once.
    pub(crate) fn revoking<T>(&self, outcome: T) -> T {
        // If it fails now, the thread that follows the log will know, and tell.
        let _ = self.revocations.read();
        outcome
    }

    /// Counts a request that the throttle turned away, for the audit log to tell of in a while.
    pub(crate) fn refused(&self, class: Class, origin: &Origin) {
        self.refusals.note(class, origin, self.now());
    }

    /// Whether the server is on its way out and wants no more requests.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Runs a use case, or one phase of it, on a lane: what hashes on the password lane, what asks the store on the storage
    /// lane. Nobody waits for one lane while occupying the other.
    pub(crate) async fn on<T, E>(
        self: &Arc<Self>,
        lane: &Lane,
        origin: &Origin,
        work: impl FnOnce(&Self, &RequestContext) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Send + 'static,
        Problem: From<E>,
    {
        let (app, origin) = (Arc::clone(self), origin.clone());
        // The time is read when the work begins, not when it was queued.
        lane.run(origin.client(), move || work(&app, &origin.context(app.now())))
            .await?
            .map_err(Problem::from)
    }
}
