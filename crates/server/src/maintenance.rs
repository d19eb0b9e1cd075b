//! The periodic tasks of a running server: rotating keys and deleting expired data.
//!
//! Reading revocations is not among them: it has a deadline, so it must not wait for another task.

use std::sync::Arc;
use std::time::Duration;

use doorward_application::{DeleteExpired, DeletedRows};
use doorward_domain::key::SealedKey;
use doorward_domain::store::UnitOfWork;
use doorward_keys::KeyRing;

use crate::scheduler::PeriodicTask;
use crate::system::{OsEntropy, now};

/// How often expired data is deleted.
const DELETE_EVERY: Duration = Duration::from_secs(60);

/// The task that loads keys which other instances created, creates the next ones when they are due, and deletes those whose
/// tokens have all expired.
pub fn rotate_keys(ring: Arc<KeyRing>, store: Arc<dyn UnitOfWork>, every: Duration) -> PeriodicTask {
    let work = move || {
        let report = ring
            .maintain(&*store, now(), &OsEntropy)
            .map_err(|error| error.to_string())?;
        for key in &report.made {
            log_key("next key created, will be published before its first use", key);
        }
        for key in &report.deleted {
            log_key("key deleted, all its tokens have expired", key);
        }
        Ok(())
    };
    PeriodicTask {
        name: "rotate keys",
        every,
        work: Box::new(work),
    }
}

fn log_key(what: &str, key: &SealedKey) {
    tracing::info!(
        kid = key.id.as_str(),
        purpose = key.purpose.as_str(),
        ordinal = key.ordinal,
        algorithm = key.algorithm,
        "{what}"
    );
}

/// The task that deletes expired data. `revocation_life` is how long a revocation is kept, `event_life` how long an audit
/// event is kept.
pub fn delete_expired(
    store: Arc<dyn UnitOfWork>,
    revocation_life: Duration,
    event_life: Duration,
) -> PeriodicTask {
    let work = move || {
        let deleted = DeleteExpired {
            store: &*store,
            revocation_life,
            event_life,
        }
        .execute(now())
        .map_err(|error| error.to_string())?;
        for DeletedRows { rows, count } in deleted {
            tracing::info!(rows, count, "expired data deleted");
        }
        Ok(())
    };
    PeriodicTask {
        name: "delete expired data",
        every: DELETE_EVERY,
        work: Box::new(work),
    }
}
