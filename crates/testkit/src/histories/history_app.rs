//! The use cases of histories over any store, with the revocations that an instance would have read.

use core::net::IpAddr;
use core::ops::Deref;
use std::sync::Mutex;

use doorward_application::{AccountDraft, Authenticate, ChangePassword, TokenPair};
use doorward_domain::access::Principal;
use doorward_domain::account::UserStatus;
use doorward_domain::attempt::AttemptPolicy;
use doorward_domain::context::RequestContext;
use doorward_domain::id::{SessionId, UserId};
use doorward_domain::patch::Patch;
use doorward_domain::session::{Session, SessionPolicy};
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;
use doorward_domain::token::{AccessClaims, RevocationCheck, RevocationList, RevocationStatus};
use secrecy::SecretString;

use crate::{TestApp, hold};

use super::steps::Origin;

/// All use cases over a store. It can be shared between threads.
pub(super) struct HistoryApp<'a> {
    app: TestApp<&'a dyn UnitOfWork>,
    revoked: Mutex<RevocationList>,
}

/// The password with this number.
fn password(number: usize) -> String {
    format!("correct horse battery {number}")
}

impl<'a> Deref for HistoryApp<'a> {
    type Target = TestApp<&'a dyn UnitOfWork>;

    fn deref(&self) -> &TestApp<&'a dyn UnitOfWork> {
        &self.app
    }
}

impl RevocationCheck for HistoryApp<'_> {
    /// The revocation status according to an instance that has read all revocations.
    fn status(&self, claims: &AccessClaims) -> RevocationStatus {
        let mut list = hold(&self.revoked);
        let position = list.position().clone();
        let page = self
            .store
            .snapshot(|r| -> Result<_, StoreError> { r.revocations().after(&position, 1000) });
        list.add_page(&position, &page.expect("the log of revocations"));
        if list.revokes(claims) {
            RevocationStatus::Revoked
        } else {
            RevocationStatus::Valid
        }
    }
}

impl<'a> HistoryApp<'a> {
    pub(super) fn over(store: &'a dyn UnitOfWork) -> Self {
        let mut app = TestApp::over(store);
        // Attempts are not limited here: that is tested elsewhere.
        app.policies.attempts = AttemptPolicy {
            free: u32::MAX,
            daily: u32::MAX,
            ..AttemptPolicy::default()
        };
        // Few enough that histories come to the limit.
        app.policies.session.max_repeats = 2;
        let life = app.policies.token_life();
        Self {
            app,
            revoked: Mutex::new(RevocationList::new(life)),
        }
    }

    /// The lifetimes of sessions.
    pub(super) const fn policy(&self) -> SessionPolicy {
        self.app.policies.session
    }

    /// Registers an account with password 0.
    pub(super) fn register(&self, email: &str) -> UserId {
        let draft = AccountDraft {
            email: email.to_owned(),
            password: password(0).into(),
            name: None,
        };
        self.app.register(draft).expect("an account").id
    }

    /// Logs in with the password of that number. Returns whether it was accepted.
    pub(super) fn login(
        &self,
        email: &str,
        number: usize,
    ) -> Result<TokenPair, doorward_application::LoginError> {
        self.app.login(email, &password(number))
    }

    /// Refreshes a session from there.
    pub(super) fn refresh_from(
        &self,
        token: &str,
        from: Origin,
    ) -> Result<TokenPair, doorward_application::RefreshError> {
        let request = RequestContext {
            ip: Some(IpAddr::from([203, 0, from.network, from.host])),
            user_agent: Some(format!("client/{}", from.client)),
            ..self.now()
        };
        let refresh = self.use_cases().refresh();
        refresh.execute(&SecretString::from(token), &request)
    }

    pub(super) fn logout(&self, token: &str) {
        let logout = self.use_cases().logout();
        let done = logout.execute(&SecretString::from(token), &self.now());
        done.expect("a logout");
    }

    /// The principal of an access token, if it is valid and not revoked.
    pub(super) fn principal(&self, access_token: &str) -> Option<Principal> {
        let verifier = self.signer.verifier();
        let authenticate = Authenticate {
            verifier: &verifier,
            revocations: self,
            max_age: self.policies.token_life(),
        };
        authenticate.execute(access_token, self.clock.now()).ok()
    }

    pub(super) fn logout_everywhere(&self, caller: Principal) {
        let caller = caller.authorize_user().expect("a permission that every user has");
        let done = self.use_cases().logout_everywhere().execute(&caller, &self.now());
        done.expect("a logout");
    }

    /// Ends one of the caller's sessions. Returns whether there was such a session.
    pub(super) fn end_one(&self, caller: Principal, session: SessionId) -> bool {
        let caller = caller.authorize_user().expect("a permission that every user has");
        self.use_cases()
            .end_session()
            .execute(&caller, session, &self.now())
            .is_ok()
    }

    /// Changes the password of that number to the next.
    pub(super) fn change_password(&self, caller: Principal, number: usize) {
        let change = ChangePassword {
            caller: caller.authorize_user().expect("a permission that every user has"),
            current: password(number).into(),
            new: password(number + 1).into(),
        };
        let done = self.use_cases().attempt(&change, &self.now());
        done.expect("a change of password");
    }

    pub(super) fn end_all_by_admin(&self, user: UserId) {
        let end = self.use_cases().end_user_sessions();
        let done = end.execute(&self.granted_to_foreign_admin(), user, &self.now());
        done.expect("sessions that end");
    }

    pub(super) fn set_active(&self, user: UserId, active: bool) {
        let status = if active {
            UserStatus::Active
        } else {
            UserStatus::Disabled
        };
        let (update, admin) = (self.use_cases().update_user(), self.granted_to_foreign_admin());
        let done = update.execute(&admin, user, Patch::Keep, Patch::To(status), &self.now());
        done.expect("a change of status");
    }

    pub(super) fn set_billing(&self, user: UserId, billing: bool) {
        let roles: &[&str] = if billing { &["user", "billing"] } else { &["user"] };
        let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
        let set = self.use_cases().set_roles();
        let done = set.execute(&self.granted_to_foreign_admin(), user, &roles, &self.now());
        done.expect("a change of roles");
    }

    /// The stored session.
    pub(super) fn session(&self, id: SessionId) -> Session {
        self.app.session(id).expect("a session")
    }
}
