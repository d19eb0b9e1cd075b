//! What a running server does besides answering, on one thread of its own.
//!
//! At present that is the keys: learning what other instances made, making the next ones when they are due, and forgetting
//! those whose tokens have expired. (Following what was revoked is not here: it has a bound to keep and waits for nobody.)

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use doorward_domain::ports::UnitOfWork;
use doorward_domain::token::SealedKey;
use doorward_jwt::KeyRing;

use crate::system::{OsEntropy, now};

/// The thread, for as long as this is there.
pub struct Upkeep {
    /// Nothing is ever sent: the thread ends when this is gone. Nobody waits for that, as a round may be waiting for a
    /// database that is away, and loses nothing when it is broken off.
    _alive: Sender<Infallible>,
}

impl Upkeep {
    /// Starts the thread, which does its round every `pause`.
    pub fn start(ring: Arc<KeyRing>, store: Arc<dyn UnitOfWork>, pause: Duration) -> std::io::Result<Self> {
        let (alive, ended) = mpsc::channel::<Infallible>();
        thread::Builder::new().name("upkeep".to_owned()).spawn(move || {
            let mut was_well = true;
            while matches!(ended.recv_timeout(pause), Err(RecvTimeoutError::Timeout)) {
                was_well = tend_keys(&ring, &*store, was_well);
            }
        })?;
        Ok(Self { _alive: alive })
    }
}

/// Tends the keys, and tells the log what changed. Failure is told when it begins and when it ends, not each time.
fn tend_keys(ring: &KeyRing, store: &dyn UnitOfWork, was_well: bool) -> bool {
    match ring.tend(store, now(), &OsEntropy) {
        Ok(tended) => {
            if !was_well {
                tracing::info!("the keys can be read again");
            }
            for key in &tended.made {
                tell("made the next key", key);
            }
            for key in &tended.forgotten {
                tell("forgot a key whose tokens have all expired", key);
            }
            true
        }
        Err(error) => {
            if was_well {
                tracing::error!(cause = %error, "the keys cannot be tended; those at hand go on being used");
            }
            false
        }
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
