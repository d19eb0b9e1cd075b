//! The phases of creating an account, defined once for every use case that creates one.

use doorward_domain::account::User;
use doorward_domain::context::RequestContext;

use crate::UseCases;

/// A use case that creates an account: *look*, *hash*, *complete*.
///
/// As with a [`PasswordAttempt`](crate::PasswordAttempt), [`UseCases::create`] runs the phases in sequence, and the driver of
/// `doorward-runtime` runs each on the executor it belongs to.
pub trait AccountCreation: Send + Sync + 'static {
    /// What the phase *look* read.
    type Found: Send + 'static;
    /// A checked account with a hashed password.
    type Hashed: Send + 'static;
    /// Why no account was created.
    type Error: Send + 'static;

    /// Reads what may make hashing unnecessary.
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
    /// Runs all phases on the calling thread.
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
