//! The ports that the service needs.

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

/// Returns the current time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// An implementation of every port, as composed by the server or a test.
#[derive(Clone)]
pub struct Ports {
    /// Stores all data.
    pub store: Arc<dyn UnitOfWork>,
    /// The same store on a separate connection, for following the log of revocations.
    pub revocation_store: Arc<dyn UnitOfWork>,
    /// Hashes passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Estimates the strength of passwords.
    pub estimator: Arc<dyn StrengthEstimator>,
    /// Derives the keys of attempt records.
    pub attempt_keys: Arc<dyn AttemptKeys>,
    /// Decides which refused attempts are written to the audit log.
    pub refused_attempts: Arc<dyn RefusedAttempts>,
    /// Signs access tokens.
    pub signer: Arc<dyn AccessTokenSigner>,
    /// Verifies access tokens.
    pub verifier: Arc<dyn AccessTokenVerifier>,
    /// Publishes the keys with which other services verify access tokens.
    pub published_keys: Arc<dyn PublishedKeys>,
    /// Seals refresh tokens.
    pub refresh_tokens: Arc<dyn RefreshTokens>,
    /// The randomness of ids, keys and salts.
    pub entropy: Arc<dyn Entropy>,
    /// Returns the current time.
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
