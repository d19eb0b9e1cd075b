//! How a store fails, whatever it stores.

/// A store that did not do what it was asked.
///
/// "There is no such row" is not among the errors: it is `Ok(None)`. An outage must never look like a wrong password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached, is too busy, or broke off. Trying again later may help.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The store holds something that cannot be: says which table, column and row.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}

/// What a store answers.
pub type StoreResult<T> = Result<T, StoreError>;
