//! The service without a network: every use case over any store, with fakes for all other ports.

use core::time::Duration;
use std::sync::Arc;

use doorward_application::{
    AccountDraft, Authenticate, Login, LoginError, Policies, Ports, RefreshError, Register, RegisterError,
    TokenPair, UseCases,
};
use doorward_domain::access::{Granted, GrantedUser, Permission, Principal};
use doorward_domain::account::{Roles, User};
use doorward_domain::context::RequestContext;
use doorward_domain::id::{SessionId, UserId};
use doorward_domain::key::PublishedKeys;
use doorward_domain::password::PasswordHasher;
use doorward_domain::session::{Authentication, Session};
use doorward_domain::store::{Transactions as _, UnitOfWork};
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::time::Timestamp;
use doorward_domain::token::AccessClaims;
use secrecy::SecretString;

use crate::{
    Clock, EveryRefusal, FakeAttemptKeys, FakeEstimator, FakeHasher, FakeRefreshTokens, FakeSigner,
    NothingRevoked, SeededEntropy, context, sample,
};

/// All ports over a store, with fakes for all others, at [`sample::START`]. Access tokens are those of `signer`.
pub fn test_ports(store: Arc<dyn UnitOfWork>, signer: Arc<FakeSigner>) -> Ports {
    Ports {
        revocation_store: Arc::clone(&store),
        store,
        hasher: Arc::new(FakeHasher::new()),
        estimator: Arc::new(FakeEstimator::default()),
        attempt_keys: Arc::new(FakeAttemptKeys),
        refused_attempts: Arc::new(EveryRefusal),
        verifier: Arc::new(signer.verifier()),
        signer,
        published_keys: Arc::new(NoPublishedKeys),
        refresh_tokens: Arc::new(FakeRefreshTokens),
        entropy: Arc::new(SeededEntropy::new(1)),
        clock: Arc::new(|| sample::START),
    }
}

/// A key set without keys.
struct NoPublishedKeys;

impl PublishedKeys for NoPublishedKeys {
    fn key_set(&self) -> Arc<str> {
        "{\"keys\":[]}".into()
    }

    fn cache_life(&self) -> Duration {
        Duration::ZERO
    }
}

/// Every use case over a store, with a clock that tests set and randomness from a seed. It can be shared by threads.
pub struct TestApp<S> {
    /// Stores all data.
    pub store: S,
    /// The clock, which only a test changes.
    pub clock: Arc<Clock>,
    /// Hashes passwords without the cost.
    pub hasher: FakeHasher,
    /// Signs access tokens.
    pub signer: FakeSigner,
    /// Estimates the strength of passwords.
    pub estimator: FakeEstimator,
    /// The randomness of ids, keys and salts.
    pub entropy: SeededEntropy,
    /// The policies: the defaults, until a test changes them.
    pub policies: Policies,
    tell_time: Box<dyn Fn() -> Timestamp + Send + Sync>,
}

impl<S: UnitOfWork> TestApp<S> {
    /// The password of every account that [`draft`](Self::draft) describes.
    pub const PASSWORD: &'static str = "correct horse battery staple";

    /// All use cases over this store, with default policies.
    pub fn over(store: S) -> Self {
        let clock = Arc::new(Clock::default());
        let shared = Arc::clone(&clock);
        Self {
            store,
            clock,
            hasher: FakeHasher::new(),
            signer: FakeSigner::new(),
            estimator: FakeEstimator::default(),
            entropy: SeededEntropy::new(1),
            policies: Policies::default(),
            tell_time: Box::new(move || shared.now()),
        }
    }

    /// The use cases.
    pub fn use_cases(&self) -> UseCases<'_> {
        self.use_cases_with(&self.hasher)
    }

    /// The use cases with another hasher.
    pub fn use_cases_with<'a>(&'a self, hasher: &'a dyn PasswordHasher) -> UseCases<'a> {
        UseCases {
            store: &self.store,
            hasher,
            estimator: &self.estimator,
            attempt_keys: &FakeAttemptKeys,
            refused_attempts: &EveryRefusal,
            signer: &self.signer,
            refresh_tokens: &FakeRefreshTokens,
            entropy: &self.entropy,
            clock: &*self.tell_time,
            policies: &self.policies,
        }
    }

    /// A request made now.
    pub fn now(&self) -> RequestContext {
        context(self.clock.now())
    }

    /// An account with that address.
    pub fn draft(email: &str) -> AccountDraft {
        AccountDraft {
            email: email.to_owned(),
            password: SecretString::from(Self::PASSWORD),
            name: None,
        }
    }

    /// Registers an account.
    pub fn register(&self, draft: AccountDraft) -> Result<User, RegisterError> {
        self.use_cases().create(&Register(draft), &self.now())
    }

    /// Logs in.
    pub fn login(&self, email: &str, password: &str) -> Result<TokenPair, LoginError> {
        let login = Login {
            email: email.to_owned(),
            password: SecretString::from(password),
        };
        self.use_cases().attempt(&login, &self.now())
    }

    /// Refreshes a session.
    pub fn refresh(&self, token: &str) -> Result<TokenPair, RefreshError> {
        self.use_cases()
            .refresh()
            .execute(&SecretString::from(token), &self.now())
    }

    /// The principal of an access token, if it is valid now. Revocations are not checked.
    pub fn principal(&self, access_token: &str) -> Option<Principal> {
        let verifier = self.signer.verifier();
        let authenticate = Authenticate {
            verifier: &verifier,
            revocations: &NothingRevoked,
            max_age: self.policies.token_life(),
        };
        authenticate.execute(access_token, self.clock.now()).ok()
    }

    /// The proof that the holder of these tokens has a permission.
    pub fn granted<P: Permission>(&self, pair: &TokenPair) -> Granted<P> {
        self.principal(pair.access_token.expose())
            .expect("a valid access token")
            .authorize()
            .expect("the permission")
    }

    /// The proof that the user who holds these tokens has a permission.
    pub fn granted_user<P: Permission>(&self, pair: &TokenPair) -> GrantedUser<P> {
        self.principal(pair.access_token.expose())
            .expect("a valid access token")
            .authorize_user()
            .expect("the permission")
    }

    /// The proof that an administrator who has no account here has a permission.
    pub fn granted_to_foreign_admin<P: Permission>(&self) -> Granted<P> {
        let now = self.clock.now();
        let claims = AccessClaims {
            roles: Roles::admin(),
            issued_at: now,
            expires_at: now,
            authentication: Some(Authentication::by_password(now)),
            ..sample::claims(99, SessionId::from_bytes([99; 16]))
        };
        Principal::new(claims).authorize().expect("the permission")
    }

    /// The stored account, if it exists.
    pub fn find(&self, id: UserId) -> Option<User> {
        self.store
            .snapshot(|repos| -> StoreResult<_> { repos.users().find(id) })
            .expect("a store that answers")
    }

    /// The stored session, live or not.
    pub fn session(&self, id: SessionId) -> Option<Session> {
        self.store
            .snapshot(|repos| -> Result<_, StoreError> { repos.sessions().find(id) })
            .expect("a store that answers")
    }

    /// Advances the clock.
    pub fn wait(&self, span: Duration) {
        self.clock.advance(span);
    }
}
