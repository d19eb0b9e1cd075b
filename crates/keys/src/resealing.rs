//! Bringing the keys in the store under another master key.

use doorward_domain::ports::{Entropy, Transactions, UnitOfWork};
use doorward_domain::token::KeyPurpose;
use secrecy::ExposeSecret;

use crate::OpenError;
use crate::master_key::MasterKeys;
use crate::sealing::Sealers;

/// What [`reseal`] found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resealed {
    /// How many keys were under the previous master key and are under the current one now.
    pub anew: u32,
    /// How many were under the current one before.
    pub already: u32,
}

/// Seals every key in the store that is under the previous master key under the current one. All of them or, when one
/// cannot be opened, none; doing it again does no harm. The keys themselves do not change, so no token is affected.
///
/// An instance that knows only the previous master key goes on with the keys that it has read, but cannot start again.
pub fn reseal(
    store: &dyn UnitOfWork,
    masters: &MasterKeys,
    entropy: &dyn Entropy,
) -> Result<Resealed, OpenError> {
    let sealers = Sealers::new(masters)?;
    store.transaction(|repositories| {
        let mut resealed = Resealed::default();
        for purpose in KeyPurpose::ALL {
            for key in repositories.keys().list(purpose)? {
                // Opened even when there is nothing to do: whoever runs this wants to hear that all is well.
                let secret = sealers.open(&key)?;
                if sealers.is_current(&key) {
                    resealed.already += 1;
                    continue;
                }
                let anew = sealers.seal(secret.expose_secret(), key, entropy)?;
                if repositories.keys().reseal(&anew)? {
                    resealed.anew += 1;
                }
            }
        }
        Ok(resealed)
    })
}
