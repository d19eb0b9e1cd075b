//! The phases of a password attempt, defined once for every use case that verifies a password.

use doorward_domain::context::RequestContext;
use doorward_domain::password::HashError;

use crate::{AttemptError, CountedAttempt, PendingAttempt, UseCases};

/// A use case that verifies the password of an account: *look*, count, *verify*, *complete*.
///
/// Counting is the same for all use cases, and none can omit it: a driver does it between `look` and `verify`, with
/// [`PasswordCheck::count`](crate::PasswordCheck::count), and only counting constructs the [`CountedAttempt`] that `verify`
/// takes. There are two drivers: [`UseCases::attempt`] runs the phases in sequence on the calling thread; the one of
/// `doorward-runtime` runs each on the executor it belongs to, serialises attempts on one account, and takes back the count
/// of an attempt that could not be verified.
pub trait PasswordAttempt: Send + Sync + 'static {
    /// The result of verifying the password.
    type Verified: Send + 'static;
    /// What the use case returns.
    type Output: Send + 'static;
    /// Why the use case failed.
    type Error: From<AttemptError> + From<HashError> + Send + 'static;

    /// Determines the account, and whether an attempt is allowed.
    fn look(&self, use_cases: UseCases<'_>, context: &RequestContext) -> Result<PendingAttempt, Self::Error>;

    /// Verifies the password. Hashes, and uses no store.
    fn verify(&self, use_cases: UseCases<'_>, attempt: CountedAttempt) -> Result<Self::Verified, HashError>;

    /// Performs the operation if the password was right; otherwise records the failure.
    fn complete(
        &self,
        use_cases: UseCases<'_>,
        verified: Self::Verified,
        context: &RequestContext,
    ) -> Result<Self::Output, Self::Error>;
}

impl UseCases<'_> {
    /// Runs all phases of an attempt on the calling thread.
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

/// Converts an [`AttemptError`] into the error of a use case that implements [`PasswordAttempt`].
macro_rules! from_attempt_error {
    ($error:ident) => {
        impl From<crate::AttemptError> for $error {
            fn from(error: crate::AttemptError) -> Self {
                match error {
                    crate::AttemptError::TooManyAttempts { retry_after } => {
                        Self::TooManyAttempts { retry_after }
                    }
                    crate::AttemptError::Store(error) => Self::Store(error),
                }
            }
        }
    };
}
pub(crate) use from_attempt_error;
