//! Every use case over a database, with a new account whenever one is needed.

use core::cell::Cell;
use core::ops::Deref;

use doorward_application::{AccountDraft, TokenPair};
use doorward_domain::access::Principal;
use doorward_domain::context::RequestContext;
use doorward_persistence::Database;
use doorward_testkit::TestApp;
use secrecy::SecretString;

/// The password of every account.
pub(crate) const PASSWORD: &str = TestApp::<&Database>::PASSWORD;

/// Every use case over a database.
pub(crate) struct CostApp<'a> {
    app: TestApp<&'a Database>,
    accounts: Cell<u32>,
}

impl<'a> Deref for CostApp<'a> {
    type Target = TestApp<&'a Database>;

    fn deref(&self) -> &TestApp<&'a Database> {
        &self.app
    }
}

impl<'a> CostApp<'a> {
    pub(crate) fn over(database: &'a Database) -> Self {
        Self {
            app: TestApp::over(database),
            accounts: Cell::new(0),
        }
    }

    /// An account that does not exist yet.
    pub(crate) fn new_draft(&self) -> AccountDraft {
        self.accounts.set(self.accounts.get() + 1);
        TestApp::<&Database>::draft(&format!("grace-{}@example.org", self.accounts.get()))
    }

    /// Registers an account and logs in to it.
    pub(crate) fn logged_in_user(&self) -> LoggedInUser {
        let draft = self.new_draft();
        let email = draft.email.clone();
        self.app.register(draft).expect("an account");
        let pair = self.login(&email, PASSWORD).expect("a login");
        LoggedInUser { email, pair }
    }

    /// Refreshes; `None` when it is refused.
    pub(crate) fn refresh(&self, token: &SecretString, context: &RequestContext) -> Option<TokenPair> {
        self.use_cases().refresh().execute(token, context).ok()
    }

    /// The principal of the access token of that pair.
    pub(crate) fn principal(&self, pair: &TokenPair) -> Principal {
        self.app
            .principal(pair.access_token.expose())
            .expect("a valid token")
    }
}

/// A user with an account and a session.
pub(crate) struct LoggedInUser {
    pub(crate) email: String,
    pub(crate) pair: TokenPair,
}

impl LoggedInUser {
    pub(crate) fn refresh_token(&self) -> SecretString {
        self.pair.refresh_token.expose().into()
    }
}
