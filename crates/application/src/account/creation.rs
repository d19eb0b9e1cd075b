//! The order in which an account is made, once, for every use case that makes one.

use doorward_domain::account::User;
use doorward_domain::context::RequestContext;

use crate::UseCases;

/// A use case that makes an account: *look*, *hash*, *complete*.
///
/// As with a [`PasswordAttempt`](crate::PasswordAttempt), [`UseCases::create`] runs the phases in a row, and the driver of
/// `doorward-runtime` runs each on the executor it belongs to.
pub trait AccountCreation: Send + Sync + 'static {
    /// What looking found.
    type Found: Send + 'static;
    /// The account that complies with every rule, its password hashed.
    type Hashed: Send + 'static;
    /// Why there is no new account.
    type Error: Send + 'static;

    /// Reads what decides whether hashing is worth its cost.
    fn look(&self, use_cases: UseCases<'_>, context: &RequestContext) -> Result<Self::Found, Self::Error>;

    /// Checks the draft and hashes the password. Uses no store.
    fn hash(
        &self,
        use_cases: UseCases<'_>,
        found: Self::Found,
        context: &RequestContext,
    ) -> Result<Self::Hashed, Self::Error>;

    /// Stores the account.
    fn complete(
        &self,
        use_cases: UseCases<'_>,
        hashed: Self::Hashed,
        context: &RequestContext,
    ) -> Result<User, Self::Error>;
}

impl UseCases<'_> {
    /// Makes an account from the first phase to the last, on this thread.
    pub fn create<C: AccountCreation>(
        self,
        creation: &C,
        context: &RequestContext,
    ) -> Result<User, C::Error> {
        let found = creation.look(self, context)?;
        let hashed = creation.hash(self, found, context)?;
        creation.complete(self, hashed, context)
    }
}
