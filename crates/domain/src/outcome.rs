//! How a transaction that was committed ended.

/// How a transaction that was committed ended: the one encoding of "refused, but committed".
///
/// A refusal that must be kept (a failed attempt that was counted, a session that a replay ended, an event that says so)
/// is `Ok(Outcome::Refused(..))` inside the transaction, never `Err`: `Err` rolls back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome<T, R> {
    /// It was done.
    Done(T),
    /// It was refused; what was written about that is kept.
    Refused(R),
}

impl<T, R> Outcome<T, R> {
    /// The refusal as an error, for the caller of the transaction.
    pub fn into_result(self) -> Result<T, R> {
        match self {
            Self::Done(done) => Ok(done),
            Self::Refused(refusal) => Err(refusal),
        }
    }
}
