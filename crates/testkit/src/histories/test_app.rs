//! The use cases assembled over a store, for one account after another.

use core::time::Duration;
use std::sync::Mutex;

use doorward_application::{
    AccountDraft, AccountRules, Authenticate, ChangePassword, EndSession, EndUserSessions, Login, LoginError,
    Logout, LogoutEverywhere, PasswordCheck, Refresh, RefreshError, Register, SetRoles, TokenIssuer,
    TokenPair, UpdateUser,
};
use doorward_domain::access::{Granted, Permission, Principal};
use doorward_domain::account::Roles;
use doorward_domain::account::{UserStatus, UserVersion};
use doorward_domain::attempt::AttemptPolicy;
use doorward_domain::context::RequestContext;
use doorward_domain::id::{SessionId, TokenId, UserId};
use doorward_domain::password::PasswordPolicy;
use doorward_domain::patch::Patch;
use doorward_domain::session::{Session, SessionPolicy};
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;
use doorward_domain::token::{AccessClaims, RevocationList};
use doorward_domain::token::{RevocationCheck, RevocationStatus};
use secrecy::SecretString;

use crate::{
    Clock, EveryRefusal, FakeAttemptKeys, FakeEstimator, FakeHasher, FakeRefreshTokens, FakeSigner,
    SeededEntropy, context, hold, sample,
};

/// All use cases over a store. It can be shared between threads.
pub(super) struct TestApp<'a> {
    pub(super) store: &'a dyn UnitOfWork,
    pub(super) clock: Clock,
    pub(super) policy: SessionPolicy,
    hasher: FakeHasher,
    signer: FakeSigner,
    estimator: FakeEstimator,
    attempts: AttemptPolicy,
    passwords: PasswordPolicy,
    entropy: SeededEntropy,
    revoked: Mutex<RevocationList>,
}

/// The password with this number.
fn password(number: usize) -> SecretString {
    SecretString::from(format!("correct horse battery {number}"))
}

impl RevocationCheck for TestApp<'_> {
    /// The answer of an instance that has read all revocations.
    fn standing(&self, claims: &AccessClaims) -> RevocationStatus {
        let mut list = hold(&self.revoked);
        let latest = list.latest();
        let entries = self
            .store
            .snapshot(|r| -> Result<_, StoreError> { r.revocations().after(latest, 1000) });
        for entry in entries.expect("the log of revocations") {
            list.add(&entry);
        }
        if list.revokes(claims) {
            RevocationStatus::Revoked
        } else {
            RevocationStatus::Good
        }
    }
}

impl<'a> TestApp<'a> {
    pub(super) fn on(store: &'a dyn UnitOfWork) -> Self {
        let policy = SessionPolicy::default();
        Self {
            store,
            clock: Clock::default(),
            hasher: FakeHasher::new(),
            signer: FakeSigner::new(),
            estimator: FakeEstimator::default(),
            // Attempts are not limited here: that is tested elsewhere.
            attempts: AttemptPolicy {
                free: u32::MAX,
                daily: u32::MAX,
                ..AttemptPolicy::default()
            },
            passwords: PasswordPolicy::default(),
            entropy: SeededEntropy::new(1),
            revoked: Mutex::new(RevocationList::new(policy.access_ttl + Duration::from_secs(5))),
            policy,
        }
    }

    fn now(&self) -> RequestContext {
        context(self.clock.now())
    }

    fn check(&self) -> PasswordCheck<'_> {
        PasswordCheck {
            store: self.store,
            hasher: &self.hasher,
            attempt_keys: &FakeAttemptKeys,
            attempts: &self.attempts,
            refused: &EveryRefusal,
            entropy: &self.entropy,
        }
    }

    fn rules(&self) -> AccountRules<'_> {
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

    /// Registers an account with the first password.
    pub(super) fn register(&self, email: &str) -> UserId {
        let draft = AccountDraft {
            email: email.to_owned(),
            password: password(0),
            name: None,
        };
        let (store, rules) = (self.store, self.rules());
        let user = Register { store, rules }.execute(draft, &self.now());
        user.expect("an account").id
    }

    pub(super) fn login(&self, email: &str, number: usize) -> Result<TokenPair, LoginError> {
        let (check, issuer) = (self.check(), self.issuer());
        Login { check, issuer }.execute(email, &password(number), &self.now())
    }

    pub(super) fn refresh(&self, token: &str) -> Result<TokenPair, RefreshError> {
        let (store, issuer, clock) = (self.store, self.issuer(), &|| self.now().now);
        Refresh { store, issuer, clock }.execute(&SecretString::from(token), &self.now())
    }

    pub(super) fn logout(&self, token: &str) {
        let logout = Logout {
            store: self.store,
            refresh_tokens: &FakeRefreshTokens,
            entropy: &self.entropy,
        };
        let done = logout.execute(&SecretString::from(token), &self.now());
        done.expect("a logout");
    }

    /// The principal of an access token, if the token is valid.
    pub(super) fn principal(&self, access_token: &str) -> Option<Principal> {
        let verifier = self.signer.verifier();
        let authenticate = Authenticate {
            verifier: &verifier,
            revocations: self,
            max_age: Duration::from_secs(905),
        };
        authenticate.execute(access_token, self.clock.now()).ok()
    }

    pub(super) fn logout_everywhere(&self, caller: Principal) {
        let (store, entropy) = (self.store, &self.entropy);
        let caller = caller.authorize().expect("a permission that everybody has");
        let done = LogoutEverywhere { store, entropy }.execute(&caller, &self.now());
        done.expect("a logout");
    }

    /// Ends one of the caller's sessions. Returns whether it existed.
    pub(super) fn end_one(&self, caller: Principal, session: SessionId) -> bool {
        let end = EndSession {
            store: self.store,
            policy: &self.policy,
            entropy: &self.entropy,
        };
        let caller = caller.authorize().expect("a permission that everybody has");
        end.execute(&caller, session, &self.now()).is_ok()
    }

    /// Changes the password of that number to the next one.
    pub(super) fn change_password(&self, caller: Principal, number: usize) {
        let change = ChangePassword {
            check: self.check(),
            rules: self.rules(),
        };
        let caller = caller.authorize().expect("a permission that everybody has");
        let (current, new) = (password(number), password(number + 1));
        let done = change.execute(&caller, &current, &new, &self.now());
        done.expect("a change of password");
    }

    pub(super) fn end_all_by_admin(&self, user: UserId) {
        let (store, entropy) = (self.store, &self.entropy);
        let done = EndUserSessions { store, entropy }.execute(&self.admin(), user, &self.now());
        done.expect("sessions that end");
    }

    pub(super) fn set_active(&self, user: UserId, active: bool) {
        let (store, entropy) = (self.store, &self.entropy);
        let status = if active {
            UserStatus::Active
        } else {
            UserStatus::Disabled
        };
        let update = UpdateUser { store, entropy };
        let done = update.execute(&self.admin(), user, Patch::Keep, Patch::To(status), &self.now());
        done.expect("a change of status");
    }

    pub(super) fn set_billing(&self, user: UserId, billing: bool) {
        let (store, entropy) = (self.store, &self.entropy);
        let roles: &[&str] = if billing { &["user", "billing"] } else { &["user"] };
        let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
        let done = SetRoles { store, entropy }.execute(&self.admin(), user, &roles, &self.now());
        done.expect("a change of roles");
    }

    /// The stored session.
    pub(super) fn session(&self, id: SessionId) -> Session {
        let found = self
            .store
            .snapshot(|r| -> Result<_, StoreError> { r.sessions().find(id) });
        found.expect("a store that answers").expect("a session")
    }

    /// The permission of an administrator.
    fn admin<P: Permission>(&self) -> Granted<P> {
        let claims = AccessClaims {
            subject: sample::admin(u32::MAX).id,
            session_id: SessionId::from_bytes([99; 16]),
            token_id: TokenId::from_bytes([99; 16]),
            user_version: UserVersion::FIRST,
            roles: Roles::admin(),
            email: None,
            issued_at: self.clock.now(),
            expires_at: self.clock.now(),
            authenticated_at: self.clock.now(),
        };
        Principal::new(claims)
            .authorize()
            .expect("an administrator's permission")
    }
}
