//! The use cases over a store, assembled as the HTTP layer does.

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

/// The dependencies of use cases, over a store, with a settable clock and seeded randomness.
pub(crate) struct TestApp<'a> {
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

impl<'a> TestApp<'a> {
    pub(crate) fn new(store: &'a dyn UnitOfWork) -> Self {
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

    pub(crate) fn context(&self) -> RequestContext {
        context(self.clock.now())
    }

    pub(crate) fn password_check(&self) -> PasswordCheck<'_> {
        PasswordCheck {
            store: self.store,
            hasher: &self.hasher,
            attempt_keys: &FakeAttemptKeys,
            attempts: &self.attempts,
            refused: &EveryRefusal,
            entropy: &self.entropy,
        }
    }

    pub(crate) fn account_rules(&self) -> AccountRules<'_> {
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

    /// A draft with an unused address.
    pub(crate) fn draft(&self) -> AccountDraft {
        self.accounts.set(self.accounts.get() + 1);
        AccountDraft {
            email: format!("grace-{}@example.org", self.accounts.get()),
            password: PASSWORD.into(),
            name: None,
        }
    }

    /// Registers an account and returns its address.
    fn register(&self) -> String {
        let (store, rules, draft) = (self.store, self.account_rules(), self.draft());
        let email = draft.email.clone();
        Register { store, rules }
            .execute(draft, &self.context())
            .expect("an account");
        email
    }

    pub(crate) fn login(&self, email: &str, password: &str) -> Result<TokenPair, LoginError> {
        let (check, issuer) = (self.password_check(), self.issuer());
        Login { check, issuer }.execute(email, &password.into(), &self.context())
    }

    /// Registers an account and logs in to it.
    pub(crate) fn logged_in_user(&self) -> LoggedInUser {
        let email = self.register();
        let pair = self.login(&email, PASSWORD).expect("a login");
        LoggedInUser { email, pair }
    }

    /// Refreshes; `None` if that is rejected.
    pub(crate) fn refresh(&self, token: &SecretString, context: &RequestContext) -> Option<TokenPair> {
        let (store, issuer): (_, TokenIssuer<'_>) = (self.store, self.issuer());
        let clock: &dyn Fn() -> Timestamp = &|| self.clock.now();
        Refresh { store, issuer, clock }.execute(token, context).ok()
    }

    /// The principal of the pair's access token.
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

    /// The proof that the pair's principal has the permission `P`.
    pub(crate) fn granted<P: Permission>(&self, pair: &TokenPair) -> Granted<P> {
        self.principal(pair).authorize().expect("the permission")
    }
}

pub(crate) struct LoggedInUser {
    pub(crate) email: String,
    pub(crate) pair: TokenPair,
}

impl LoggedInUser {
    pub(crate) fn refresh_token(&self) -> SecretString {
        self.pair.refresh_token.expose().into()
    }
}
