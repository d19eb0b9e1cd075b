//! Changing the stored keys: new ones are inserted, expired ones deleted.

use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::RequestId;
use doorward_domain::key::SealedKey;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use super::key_generation::NewKey;

/// What a rotation changed in the store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RotationReport {
    /// Keys that were added.
    pub made: Vec<SealedKey>,
    /// Keys that were deleted, because every token they made has expired.
    pub deleted: Vec<SealedKey>,
}

/// Inserts those of the `new` keys whose ordinals are still free, each with an entry in the audit log, and deletes the
/// `expired` ones, in one transaction. When several instances do so at once, one of them changes the store and the others
/// return an empty report.
pub(crate) fn apply(
    store: &dyn UnitOfWork,
    new: &[NewKey],
    expired: &[SealedKey],
    now: Timestamp,
    entropy: &dyn Entropy,
) -> StoreResult<RotationReport> {
    let context = RequestContext {
        now,
        request_id: RequestId::generate(now, entropy),
        ip: None,
        user_agent: None,
    };
    store.transaction(|repositories| {
        let mut report = RotationReport::default();
        for NewKey { key, reason } in new {
            if repositories.keys().insert(key)? {
                let event = Event::new(EventKind::KeyRotated, EventOutcome::Success, &context, entropy)
                    .with("kid", key.id.as_str())
                    .with("purpose", key.purpose.as_str())
                    .with("algorithm", key.algorithm.as_str())
                    .with("ordinal", key.ordinal.to_string())
                    .with("reason", reason.as_str());
                repositories.events().append(&event)?;
                report.made.push(key.clone());
            }
        }
        for key in expired {
            if repositories.keys().delete(key.purpose, key.ordinal)? {
                report.deleted.push(key.clone());
            }
        }
        Ok(report)
    })
}
