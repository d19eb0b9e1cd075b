//! What a running server does besides answering: it tends its keys, and sweeps away what cannot matter any more.
//!
//! (Following what was revoked is not here: it has a bound to keep and waits for nobody.)

use std::sync::Arc;
use std::time::Duration;

use doorward_application::{Sweep, Swept};
use doorward_domain::key::SealedKey;
use doorward_domain::store::UnitOfWork;
use doorward_keys::KeyRing;

use crate::chores::Chore;
use crate::system::{OsEntropy, now};

/// How often what cannot matter any more is deleted.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// The chore of learning which keys other instances made, making the next ones when they are due, and forgetting those
/// whose tokens have expired.
pub fn tending_keys(ring: Arc<KeyRing>, store: Arc<dyn UnitOfWork>, every: Duration) -> Chore {
    let work = move || {
        let report = ring
            .maintain(&*store, now(), &OsEntropy)
            .map_err(|error| error.to_string())?;
        for key in &report.made {
            tell("made the next key", key);
        }
        for key in &report.deleted {
            tell("forgot a key whose tokens have all expired", key);
        }
        Ok(())
    };
    Chore {
        name: "tend the keys",
        every,
        work: Box::new(work),
    }
}

fn tell(what: &str, key: &SealedKey) {
    tracing::info!(
        kid = key.id.as_str(),
        purpose = key.purpose.as_str(),
        ordinal = key.ordinal,
        algorithm = key.algorithm,
        "{what}"
    );
}

/// The chore of deleting what cannot matter any more. `revocation_life` is how long a revocation matters, `event_life` how
/// long an entry of the audit log is kept.
pub fn sweeping(store: Arc<dyn UnitOfWork>, revocation_life: Duration, event_life: Duration) -> Chore {
    let work = move || {
        let swept = Sweep {
            store: &*store,
            revocation_life,
            event_life,
        }
        .execute(now())
        .map_err(|error| error.to_string())?;
        if swept != Swept::default() {
            let Swept {
                sessions,
                attempts,
                networks,
                revocations,
                events,
            } = swept;
            tracing::info!(sessions, attempts, networks, revocations, events, "swept");
        }
        Ok(())
    };
    Chore {
        name: "sweep",
        every: SWEEP_EVERY,
        work: Box::new(work),
    }
}
