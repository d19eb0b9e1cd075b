//! The error of every store operation.

/// A store operation failed.
///
/// "There is no such row" is not among the errors: it is `Ok(None)`. An outage must never look like a wrong password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached, is too busy, or broke the connection. The caller may retry later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A stored value is invalid; the text names table, column and row.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

/// The result of a store operation.
pub type StoreResult<T> = Result<T, StoreError>;
