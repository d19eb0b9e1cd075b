//! All use cases over a memory store with a settable clock, and helpers for tests.

mod snapshot;
mod store;
mod use_cases;

use core::fmt::Display;
use core::net::IpAddr;
use core::ops::{Deref, DerefMut};
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use doorward_application::{AccountDraft, TokenPair};
use doorward_domain::access::Principal;
use doorward_domain::account::{Email, PasswordDigest, User};
use doorward_domain::attempt::{AttemptKey, AttemptKeys as _, AttemptRecord, ClientNetwork};
use doorward_domain::context::RequestContext;
use doorward_domain::id::{SessionId, UserId};
use doorward_domain::outcome::Outcome;
use doorward_domain::store::Transactions as _;
use doorward_domain::token::{AccessClaims, AccessTokenVerifier as _};
use doorward_testkit::{FakeAttemptKeys, TestApp, context, sample};
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

/// All use cases over an empty memory store, with users and sessions that have names. It can be shared between threads.
pub struct StoryApp {
    app: TestApp<Store>,
    /// The client address of requests.
    place: Mutex<IpAddr>,
    /// The user agent of requests.
    client: Mutex<String>,
    /// Names for the ids of users and sessions, used in event lines.
    names: Mutex<Vec<(String, String)>>,
    /// Passwords and tokens used so far.
    secrets: Mutex<Vec<String>>,
}

impl Deref for StoryApp {
    type Target = TestApp<Store>;

    fn deref(&self) -> &TestApp<Store> {
        &self.app
    }
}

impl DerefMut for StoryApp {
    fn deref_mut(&mut self) -> &mut TestApp<Store> {
        &mut self.app
    }
}

/// The client address at the start.
pub const HOME: &str = "192.0.2.1";

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

impl StoryApp {
    pub fn new() -> Self {
        Self {
            app: TestApp::over(Store::default()),
            place: Mutex::new(HOME.parse().expect("an address")),
            client: Mutex::new("testkit/1.0".to_owned()),
            names: Mutex::default(),
            secrets: Mutex::default(),
        }
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
            ip: Some(*hold(&self.place)),
            user_agent: Some(hold(&self.client).clone()),
            ..context(self.clock.now())
        }
    }

    /// Sets the client address of later requests.
    pub fn go_to(&self, address: &str) {
        *hold(&self.place) = address.parse().expect("an address");
    }

    /// Sets the user agent of later requests.
    pub fn use_client(&self, user_agent: &str) {
        user_agent.clone_into(&mut hold(&self.client));
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
        assert_eq!(done, Ok(Outcome::Done(())));
        self.call(user.id, name);
        user
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

    /// Whether the session could be refreshed.
    pub fn is_live(&self, id: SessionId) -> bool {
        self.session(id)
            .is_some_and(|session| session.is_live(&self.policies.session, self.clock.now()))
    }

    /// Every session of a user that could be refreshed.
    pub fn live_sessions(&self, user: UserId) -> Vec<SessionId> {
        let sessions = self.store.memory.sessions_of(user).into_iter();
        sessions
            .filter(|session| session.is_live(&self.policies.session, self.clock.now()))
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
        self.app
            .principal(pair.access_token.expose())
            .expect("an access token that is valid")
    }

    /// The claims of the access token.
    pub fn claims(&self, pair: &TokenPair) -> AccessClaims {
        let verifier = self.signer.verifier();
        verifier
            .verify(pair.access_token.expose(), self.clock.now())
            .expect("an access token that is valid")
    }

    // Attempts.

    /// The attempt record of an account for the current client address, or else for its network, or else for unknown ones.
    pub fn attempts_on(&self, name: &str) -> Option<AttemptRecord> {
        let place = *hold(&self.place);
        [ClientNetwork::exact(place), ClientNetwork::of(place)]
            .into_iter()
            .find_map(|network| self.store.memory.attempts_on(&Self::network_key(name, network)))
            .or_else(|| self.attempts_from_anywhere(name))
    }

    fn network_key(name: &str, network: ClientNetwork) -> AttemptKey {
        let email = Email::parse(&address(name)).expect("an address");
        FakeAttemptKeys.network_key(email.canonical(), &network)
    }

    /// Records a login from the current network but from no exact address, as releases before exact addresses did.
    pub fn note_network_alone(&self, name: &str) {
        let email = Email::parse(&address(name)).expect("an address");
        let account = FakeAttemptKeys.attempt_key(email.canonical());
        let network = Self::network_key(name, ClientNetwork::of(*hold(&self.place)));
        self.store
            .transaction(|repos| repos.networks().note(&[(network, self.clock.now())], &account))
            .expect("a store that answers");
    }

    /// The attempt record of an address for unknown networks.
    pub fn attempts_from_anywhere(&self, name: &str) -> Option<AttemptRecord> {
        let email = Email::parse(&address(name)).expect("an address");
        let account = FakeAttemptKeys.attempt_key(email.canonical());
        self.store.memory.attempts_on(&account)
    }

    /// The number of known addresses and networks of an account.
    pub fn networks_of(&self, name: &str) -> usize {
        let email = Email::parse(&address(name)).expect("an address");
        let account = FakeAttemptKeys.attempt_key(email.canonical());
        let networks = self.store.snapshot(|repos| repos.networks().list(&account));
        networks.expect("a store that answers").len()
    }

    /// Uses up the free attempts.
    pub fn exhaust(&self, name: &str) {
        for _ in 0..self.policies.attempts.free {
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
