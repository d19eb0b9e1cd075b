//! The list of mails, for the operator.

use doorward_domain::mail::OutboxLine;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;

/// Lists the mails of the outbox.
pub struct ListMails<'a> {
    /// Stores the mails.
    pub store: &'a dyn UnitOfWork,
}

impl ListMails<'_> {
    /// Up to `limit` mails, the latest first.
    pub fn execute(&self, limit: u32) -> StoreResult<Vec<OutboxLine>> {
        self.store.snapshot(|repos| repos.outbox().latest(limit))
    }
}
