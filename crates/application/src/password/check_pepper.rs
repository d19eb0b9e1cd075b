//! The check of the pepper when the service starts.

use doorward_domain::password::{PepperIds, PepperMismatch};
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;

/// Compares the configured peppers with the one that passwords were hashed with, and records a new one.
pub struct CheckPepper<'a> {
    /// Stores which pepper is in use.
    pub store: &'a dyn UnitOfWork,
}

/// Why the service must not start.
#[derive(Debug, thiserror::Error)]
pub enum CheckPepperError {
    /// Passwords would not verify.
    #[error(transparent)]
    Mismatch(#[from] PepperMismatch),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CheckPepper<'_> {
    /// Checks the `configured` peppers.
    pub fn execute(&self, configured: PepperIds) -> Result<(), CheckPepperError> {
        let recorded = self
            .store
            .snapshot(|repos| -> Result<_, CheckPepperError> { Ok(repos.peppers().pepper()?) })?;
        if configured.judge(recorded)? {
            self.store.transaction(|repos| -> Result<_, CheckPepperError> {
                Ok(repos.peppers().record_pepper(configured.current)?)
            })?;
        }
        Ok(())
    }
}
