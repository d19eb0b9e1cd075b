//! The use cases on a store, as the HTTP layer calls them, for whoever counts what they cost.

use core::cell::Cell;
use core::time::Duration;

use doorward_application::{
    AccountDraft, AccountRules, Authenticate, Login, LoginError, PasswordCheck, Refresh, Register,
    TokenIssuer, TokenPair,
};
use doorward_domain::access::{Granted, Permission, Principal};
use doorward_domain::attempt::AttemptPolicy;
use doorward_domain::context::RequestContext;
use doorward_domain::password::PasswordPolicy;
use doorward_domain::session::SessionPolicy;
use doorward_domain::store::UnitOfWork;
use doorward_domain::time::Timestamp;
use doorward_testkit::{
    Clock, EveryRefusal, FakeAttemptKeys, FakeEstimator, FakeHasher, FakeRefreshTokens, FakeSigner,
    NothingRevoked, SeededEntropy, context,
};
use secrecy::SecretString;

/// The password of every account.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// What use cases are made of, over a store.
pub(crate) struct Desk<'a> {
    pub(crate) store: &'a dyn UnitOfWork,
    pub(crate) clock: Clock,
    pub(crate) policy: SessionPolicy,
    pub(crate) entropy: SeededEntropy,
    hasher: FakeHasher,
    signer: FakeSigner,
    estimator: FakeEstimator,
    attempts: AttemptPolicy,
    passwords: PasswordPolicy,
    accounts: Cell<u32>,
}

impl<'a> Desk<'a> {
    pub(crate) fn over(store: &'a dyn UnitOfWork) -> Self {
        Self {
            store,
            clock: Clock::default(),
            policy: SessionPolicy::default(),
            entropy: SeededEntropy::new(1),
            hasher: FakeHasher::new(),
            signer: FakeSigner::new(),
            estimator: FakeEstimator::default(),
            attempts: AttemptPolicy::default(),
            passwords: PasswordPolicy::default(),
            accounts: Cell::new(0),
        }
    }

    pub(crate) fn now(&self) -> RequestContext {
        context(self.clock.now())
    }

    pub(crate) fn check(&self) -> PasswordCheck<'_> {
        PasswordCheck {
            store: self.store,
            hasher: &self.hasher,
            attempt_keys: &FakeAttemptKeys,
            attempts: &self.attempts,
            refused: &EveryRefusal,
            entropy: &self.entropy,
        }
    }

    pub(crate) fn rules(&self) -> AccountRules<'_> {
        AccountRules {
            password_policy: &self.passwords,
            estimator: &self.estimator,
            hasher: &self.hasher,
            entropy: &self.entropy,
        }
    }

    fn issuer(&self) -> TokenIssuer<'_> {
        TokenIssuer {
            signer: &self.signer,
            refresh_tokens: &FakeRefreshTokens,
            policy: &self.policy,
            email_in_access_tokens: true,
            entropy: &self.entropy,
        }
    }

    /// An account that nobody has.
    pub(crate) fn draft(&self) -> AccountDraft {
        self.accounts.set(self.accounts.get() + 1);
        AccountDraft {
            email: format!("grace-{}@example.org", self.accounts.get()),
            password: PASSWORD.into(),
            name: None,
        }
    }

    /// Registers an account. Answers its address.
    pub(crate) fn register(&self) -> String {
        let (store, rules, draft) = (self.store, self.rules(), self.draft());
        let email = draft.email.clone();
        Register { store, rules }
            .execute(draft, &self.now())
            .expect("an account");
        email
    }

    pub(crate) fn login(&self, email: &str, password: &str) -> Result<TokenPair, LoginError> {
        let (check, issuer) = (self.check(), self.issuer());
        Login { check, issuer }.execute(email, &password.into(), &self.now())
    }

    /// Registers an account and logs in to it.
    pub(crate) fn someone(&self) -> Person {
        let email = self.register();
        let pair = self.login(&email, PASSWORD).expect("a login");
        Person { email, pair }
    }

    /// Refreshes; `None` when it is refused.
    pub(crate) fn refresh(&self, token: &SecretString, context: &RequestContext) -> Option<TokenPair> {
        let (store, issuer): (_, TokenIssuer<'_>) = (self.store, self.issuer());
        let clock: &dyn Fn() -> Timestamp = &|| self.clock.now();
        Refresh { store, issuer, clock }.execute(token, context).ok()
    }

    /// Whom the access token of that pair speaks for.
    pub(crate) fn principal(&self, pair: &TokenPair) -> Principal {
        let verifier = self.signer.verifier();
        let authenticate = Authenticate {
            verifier: &verifier,
            revocations: &NothingRevoked,
            max_age: Duration::from_secs(905),
        };
        let token = pair.access_token.expose();
        authenticate
            .execute(token, self.clock.now())
            .expect("a valid token")
    }

    /// The proof that whoever has that pair may do this.
    pub(crate) fn granted<P: Permission>(&self, pair: &TokenPair) -> Granted<P> {
        self.principal(pair).authorize().expect("the permission")
    }
}

/// Somebody with an account and a session.
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) pair: TokenPair,
}

impl Person {
    pub(crate) fn refresh_token(&self) -> SecretString {
        self.pair.refresh_token.expose().into()
    }
}
