//! The result of a committed transaction.

/// The result of a committed transaction: the one encoding of "refused, but committed".
///
/// A refusal that must be stored (a counted attempt, a session that a replay ended, the audit event) is
/// `Ok(Outcome::Refused(..))` inside the transaction, never `Err`: `Err` rolls back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome<T, R> {
    /// The operation was done.
    Done(T),
    /// The operation was refused; what the transaction wrote is committed.
    Refused(R),
}

impl<T, R> Outcome<T, R> {
    /// Converts to a `Result`, for the caller of the transaction.
    pub fn into_result(self) -> Result<T, R> {
        match self {
            Self::Done(done) => Ok(done),
            Self::Refused(refusal) => Err(refusal),
        }
    }
}
