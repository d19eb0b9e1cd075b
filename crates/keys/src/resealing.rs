//! Moving the stored keys to another master key.

use doorward_domain::entropy::Entropy;
use doorward_domain::key::KeyPurpose;
use doorward_domain::store::{Transactions, UnitOfWork};
use secrecy::ExposeSecret;

use crate::KeyOpenError;
use crate::master_key::MasterKeys;
use crate::sealing::Sealers;

/// The result of [`reseal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResealReport {
    /// How many keys were moved from the previous master key to the current one.
    pub resealed: u32,
    /// How many were under the current one already.
    pub unchanged: u32,
}

/// Seals every stored key that is under the previous master key under the current one, in one transaction: if one cannot be
/// opened, nothing changes. It can be repeated. The keys themselves do not change, so no token is affected.
///
/// An instance that has only the previous master key continues with the keys that it has loaded, but cannot start again.
pub fn reseal(
    store: &dyn UnitOfWork,
    masters: &MasterKeys,
    entropy: &dyn Entropy,
) -> Result<ResealReport, KeyOpenError> {
    let sealers = Sealers::new(masters)?;
    store.transaction(|repositories| {
        let mut report = ResealReport::default();
        for purpose in KeyPurpose::ALL {
            for key in repositories.keys().list(purpose)? {
                // Opened even when it is not resealed, so that success means that every key opens.
                let secret = sealers.open(&key)?;
                if sealers.is_current(&key) {
                    report.unchanged += 1;
                    continue;
                }
                let resealed = sealers.seal(secret.expose_secret(), key, entropy)?;
                if repositories.keys().reseal(&resealed)? {
                    report.resealed += 1;
                }
            }
        }
        Ok(report)
    })
}
