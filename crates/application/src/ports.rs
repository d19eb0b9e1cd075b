//! The ports that a whole Doorward needs.

use std::sync::Arc;

use doorward_domain::attempt::{AttemptKeys, RefusedAttempts};
use doorward_domain::entropy::Entropy;
use doorward_domain::key::PublishedKeys;
use doorward_domain::password::{PasswordHasher, StrengthEstimator};
use doorward_domain::session::RefreshTokens;
use doorward_domain::store::UnitOfWork;
use doorward_domain::time::Timestamp;
use doorward_domain::token::{AccessTokenSigner, AccessTokenVerifier};

use crate::{Policies, UseCases};

/// Returns the present.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

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
    /// Says which refused attempts the audit log records.
    pub refused_attempts: Arc<dyn RefusedAttempts>,
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

impl Ports {
    /// The use cases over these ports, for callers that run them on their own thread.
    pub fn use_cases<'a>(&'a self, policies: &'a Policies) -> UseCases<'a> {
        UseCases {
            store: &*self.store,
            hasher: &*self.hasher,
            estimator: &*self.estimator,
            attempt_keys: &*self.attempt_keys,
            refused_attempts: &*self.refused_attempts,
            signer: &*self.signer,
            refresh_tokens: &*self.refresh_tokens,
            entropy: &*self.entropy,
            clock: &*self.clock,
            policies,
        }
    }
}
