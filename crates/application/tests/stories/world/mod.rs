//! All use cases over a memory store with a settable clock, and helpers for tests.

mod snapshot;
mod store;
mod use_cases;

use core::fmt::Display;
use core::net::IpAddr;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use doorward_application::{AccountDraft, AccountRules, Authenticate, PasswordCheck, TokenIssuer, TokenPair};
use doorward_domain::access::{Granted, Permission, Principal};
use doorward_domain::account::Insertion;
use doorward_domain::account::Roles;
use doorward_domain::account::{Email, PasswordDigest, User, UserVersion};
use doorward_domain::attempt::AttemptKeys as _;
use doorward_domain::attempt::{AttemptPolicy, AttemptRecord, ClientNetwork};
use doorward_domain::context::RequestContext;
use doorward_domain::id::{SessionId, TokenId, UserId};
use doorward_domain::password::PasswordHasher;
use doorward_domain::password::PasswordPolicy;
use doorward_domain::session::{Session, SessionPolicy};
use doorward_domain::store::Transactions as _;
use doorward_domain::token::AccessClaims;
use doorward_domain::token::AccessTokenVerifier as _;
use doorward_testkit::{
    Clock, EveryRefusal, FakeAttemptKeys, FakeEstimator, FakeHasher, FakeRefreshTokens, FakeSigner,
    NothingRevoked, SeededEntropy, context, sample,
};
use secrecy::SecretString;

pub use snapshot::Snapshot;
pub use store::{Fault, Store, outage};

/// The password of every user who has not changed it.
pub const PASSWORD: &str = "correct horse battery";
/// A password that no user has.
pub const WRONG: &str = "incorrect zebra battery";
/// A password that users change to.
pub const NEW_PASSWORD: &str = "ninety-nine green parrots";

pub const SECOND: Duration = Duration::from_secs(1);
pub const MICROSECOND: Duration = Duration::from_micros(1);

/// The longest duration shorter than `span`.
pub const fn just_before(span: Duration) -> Duration {
    span.saturating_sub(MICROSECOND)
}

/// All use cases over an empty memory store. It can be shared between threads.
#[derive(Default)]
pub struct World {
    pub store: Store,
    pub clock: Clock,
    pub hasher: FakeHasher,
    pub signer: FakeSigner,
    pub estimator: FakeEstimator,
    pub sessions: SessionPolicy,
    pub attempts: AttemptPolicy,
    pub passwords: PasswordPolicy,
    entropy: TestEntropy,
    /// The client address of requests.
    place: Mutex<Place>,
    /// Names for the ids of users and sessions, used in event lines.
    names: Mutex<Vec<(String, String)>>,
    /// Passwords and tokens used so far.
    secrets: Mutex<Vec<String>>,
}

/// A client's address.
struct Place(IpAddr);

/// The client address at the start.
pub const HOME: &str = "192.0.2.1";

impl Default for Place {
    fn default() -> Self {
        Self(HOME.parse().expect("an address"))
    }
}

struct TestEntropy(SeededEntropy);

impl Default for TestEntropy {
    fn default() -> Self {
        Self(SeededEntropy::new(1))
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The e-mail address for a name, unless it is an address already.
pub fn address(name: &str) -> String {
    if name.contains('@') || name.contains(' ') {
        name.to_owned()
    } else {
        format!("{name}@example.org")
    }
}

/// The input of a registration under this name.
pub fn draft(name: &str) -> AccountDraft {
    AccountDraft {
        email: address(name),
        password: SecretString::from(PASSWORD),
        name: None,
    }
}

impl World {
    pub fn new() -> Self {
        Self::default()
    }

    /// A world whose store runs the work of every writing transaction twice, and discards the first run.
    pub fn that_runs_work_again() -> Self {
        let world = Self::new();
        world.store.memory.rerun_writes(true);
        world
    }

    /// A request made now.
    pub fn now(&self) -> RequestContext {
        RequestContext {
            ip: Some(hold(&self.place).0),
            ..context(self.clock.now())
        }
    }

    /// Sets the client address of later requests.
    pub fn go_to(&self, address: &str) {
        *hold(&self.place) = Place(address.parse().expect("an address"));
    }

    pub fn wait(&self, span: Duration) {
        self.clock.advance(span);
    }

    pub fn check_with<'a>(&'a self, hasher: &'a dyn PasswordHasher) -> PasswordCheck<'a> {
        PasswordCheck {
            store: &self.store,
            hasher,
            attempt_keys: &FakeAttemptKeys,
            attempts: &self.attempts,
            refused: &EveryRefusal,
            entropy: &self.entropy.0,
        }
    }

    pub fn rules(&self) -> AccountRules<'_> {
        AccountRules {
            password_policy: &self.passwords,
            estimator: &self.estimator,
            hasher: &self.hasher,
            entropy: &self.entropy.0,
        }
    }

    pub fn issuer(&self) -> TokenIssuer<'_> {
        TokenIssuer {
            signer: &self.signer,
            refresh_tokens: &FakeRefreshTokens,
            policy: &self.sessions,
            email_in_access_tokens: true,
            entropy: &self.entropy.0,
        }
    }

    /// Records a secret, so that tests can search for it.
    fn used(&self, secret: &str) -> SecretString {
        hold(&self.secrets).push(secret.to_owned());
        SecretString::from(secret)
    }

    fn record_tokens(&self, pair: &TokenPair) {
        self.used(pair.access_token.expose());
        let token = pair.refresh_token.expose();
        self.used(token);
        // Parts of a token are secret as well, above all its seal.
        self.used(token.rsplit('.').next().unwrap_or_default());
    }

    /// All secrets used so far.
    pub fn secrets(&self) -> Vec<String> {
        hold(&self.secrets).clone()
    }

    /// Names an id in event lines.
    pub fn call(&self, id: impl Display, name: &str) {
        hold(&self.names).push((id.to_string(), name.to_owned()));
    }

    // Users.

    /// Registers a user and names them.
    pub fn user(&self, name: &str) -> User {
        let user = self.register(name).expect("an account");
        self.call(user.id, name);
        user
    }

    /// Creates an administrator as the operator does, and names them.
    pub fn admin(&self, name: &str) -> User {
        let user = self.create_admin(name).expect("an administrator");
        self.call(user.id, name);
        user
    }

    /// Inserts a user with this password digest.
    pub fn user_with_digest(&self, name: &str, digest: &PasswordDigest) -> User {
        let user = User {
            email: Email::parse(&address(name)).expect("an address"),
            ..sample::user(1)
        };
        let done = self
            .store
            .transaction(|repos| repos.users().insert(&user, digest));
        assert_eq!(done, Ok(Insertion::Done));
        self.call(user.id, name);
        user
    }

    /// The stored account, if it exists.
    pub fn find(&self, id: UserId) -> Option<User> {
        self.store
            .snapshot(|repos| repos.users().find(id))
            .expect("a store that answers")
    }

    // Sessions.

    /// Logs in with the default password, and advances the clock by a second, so that sessions are ordered by time.
    pub fn enter(&self, name: &str) -> TokenPair {
        let pair = self.login(name, PASSWORD).expect("a session");
        self.wait(SECOND);
        pair
    }

    /// The same, and names the session.
    pub fn enter_as(&self, name: &str, session: &str) -> TokenPair {
        let pair = self.enter(name);
        self.call(pair.session_id, session);
        pair
    }

    /// The stored session, ended or not.
    pub fn session(&self, id: SessionId) -> Option<Session> {
        self.store
            .snapshot(|repos| repos.sessions().find(id))
            .expect("a store that answers")
    }

    /// Whether the session could be refreshed.
    pub fn is_live(&self, id: SessionId) -> bool {
        self.session(id)
            .is_some_and(|session| session.is_live(&self.sessions, self.clock.now()))
    }

    /// Every session of a user that could be refreshed.
    pub fn live_sessions(&self, user: UserId) -> Vec<SessionId> {
        let sessions = self.store.memory.sessions_of(user).into_iter();
        sessions
            .filter(|session| session.is_live(&self.sessions, self.clock.now()))
            .map(|session| session.id)
            .collect()
    }

    /// Whether the refresh token is refused as invalid; panics on any other error.
    pub fn is_refused(&self, pair: &TokenPair) -> bool {
        match self.refresh(pair) {
            Ok(_) => false,
            Err(error) => {
                assert_eq!(format!("{error:?}"), "InvalidRefreshToken");
                true
            }
        }
    }

    // Permissions.

    /// The principal of the access token.
    pub fn principal(&self, pair: &TokenPair) -> Principal {
        let verifier = self.signer.verifier();
        let authenticate = Authenticate {
            verifier: &verifier,
            revocations: &NothingRevoked,
            max_age: Duration::from_secs(905),
        };
        authenticate
            .execute(pair.access_token.expose(), self.clock.now())
            .expect("an access token that is valid")
    }

    /// The claims of the access token.
    pub fn claims(&self, pair: &TokenPair) -> AccessClaims {
        let verifier = self.signer.verifier();
        verifier
            .verify(pair.access_token.expose(), self.clock.now())
            .expect("an access token that is valid")
    }

    /// The permission of the access token's holder.
    pub fn may<P: Permission>(&self, pair: &TokenPair) -> Granted<P> {
        self.principal(pair).authorize().expect("the permission")
    }

    /// The permission of an administrator who is not in the store.
    pub fn stranger_may<P: Permission>(&self) -> Granted<P> {
        let claims = AccessClaims {
            subject: sample::admin(99).id,
            session_id: SessionId::from_bytes([99; 16]),
            token_id: TokenId::from_bytes([99; 16]),
            user_version: UserVersion::FIRST,
            roles: Roles::admin(),
            email: None,
            issued_at: self.clock.now(),
            expires_at: self.clock.now(),
            authenticated_at: self.clock.now(),
        };
        Principal::new(claims).authorize().expect("the permission")
    }

    // Attempts.

    /// The attempt record of an address for the current network, or else for unknown networks.
    pub fn attempts_on(&self, name: &str) -> Option<AttemptRecord> {
        let email = Email::parse(&address(name)).expect("an address");
        let network = ClientNetwork::of(hold(&self.place).0);
        let network = FakeAttemptKeys.network_key(email.canonical(), &network);
        self.store
            .memory
            .attempts_on(&network)
            .or_else(|| self.attempts_from_anywhere(name))
    }

    /// The attempt record of an address for unknown networks.
    pub fn attempts_from_anywhere(&self, name: &str) -> Option<AttemptRecord> {
        let email = Email::parse(&address(name)).expect("an address");
        let account = FakeAttemptKeys.attempt_key(email.canonical());
        self.store.memory.attempts_on(&account)
    }

    /// The number of known networks of an address.
    pub fn networks_of(&self, name: &str) -> usize {
        let email = Email::parse(&address(name)).expect("an address");
        let account = FakeAttemptKeys.attempt_key(email.canonical());
        let networks = self.store.snapshot(|repos| repos.networks().list(&account));
        networks.expect("a store that answers").len()
    }

    /// Uses up the free attempts.
    pub fn exhaust(&self, name: &str) {
        for _ in 0..self.attempts.free {
            assert_eq!(outcome(&self.login(name, WRONG)), "InvalidCredentials");
        }
    }
}

/// The outcome in a word or two: `ok` or the error.
pub fn outcome<T, E: core::fmt::Debug>(result: &Result<T, E>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

/// Whether an outcome is that of an outage.
pub fn is_outage(outcome: &str) -> bool {
    let error = outage();
    outcome == format!("{error:?}") || outcome == format!("Store({error:?})")
}
