//! The order of a guarded attempt, once, for every use case that verifies a password.

use doorward_domain::context::RequestContext;
use doorward_domain::password::HashError;

use crate::{AttemptError, CountedAttempt, PendingAttempt, UseCases};

/// A use case that verifies the password of an account: *look*, count, *verify*, *complete*.
///
/// Counting is the same for all and not theirs to leave out: a driver does it between `look` and `verify`, with
/// [`PasswordCheck::count`](crate::PasswordCheck::count), and only counting makes the [`CountedAttempt`] that `verify` takes.
/// There are two drivers: [`UseCases::attempt`] runs the phases in a row, on the calling thread; that of
/// `doorward-runtime` runs each on the executor it belongs to, serialises attempts at one account and takes back a count
/// that could not be verified.
pub trait PasswordAttempt: Send + Sync + 'static {
    /// What verifying the password found.
    type Verified: Send + 'static;
    /// What the use case returns.
    type Output: Send + 'static;
    /// Why it was refused.
    type Error: From<AttemptError> + From<HashError> + Send + 'static;

    /// Reads which account the attempt is made at, and whether it may be made.
    fn look(&self, use_cases: UseCases<'_>, context: &RequestContext) -> Result<PendingAttempt, Self::Error>;

    /// Verifies the password. Hashes, and uses no store.
    fn verify(&self, use_cases: UseCases<'_>, attempt: CountedAttempt) -> Result<Self::Verified, HashError>;

    /// Does what the right password allows, or records the failure.
    fn complete(
        &self,
        use_cases: UseCases<'_>,
        verified: Self::Verified,
        context: &RequestContext,
    ) -> Result<Self::Output, Self::Error>;
}

impl UseCases<'_> {
    /// Runs an attempt from its beginning to its end, on this thread.
    pub fn attempt<A: PasswordAttempt>(
        self,
        attempt: &A,
        context: &RequestContext,
    ) -> Result<A::Output, A::Error> {
        let pending = attempt.look(self, context)?;
        let counted = self.password_check().count(pending, context)?;
        let verified = attempt.verify(self, counted)?;
        attempt.complete(self, verified, context)
    }
}
