//! Keys as the store has them, and what is in them.

use core::fmt;

use aws_lc_rs::hmac;
use doorward_domain::key::{KeyPurpose, SealedKey};
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;
use secrecy::{ExposeSecret, SecretSlice};

use crate::key_generation::REFRESH_ALGORITHM;
use crate::sealing::{Sealers, Unsealable};
use crate::signing_key::SigningKey;
use crate::{Algorithm, OpenError};

/// Every key in the store, in the order of their ordinals.
#[derive(PartialEq, Eq)]
pub(crate) struct Stored {
    signing: Vec<SealedKey>,
    refresh: Vec<SealedKey>,
}

impl Stored {
    pub(crate) fn load(store: &dyn UnitOfWork) -> StoreResult<Self> {
        store.snapshot(|repositories| {
            let keys = repositories.keys();
            Ok(Self {
                signing: keys.list(KeyPurpose::AccessSigning)?,
                refresh: keys.list(KeyPurpose::RefreshSealing)?,
            })
        })
    }

    /// The keys of that purpose.
    pub(crate) fn line(&self, purpose: KeyPurpose) -> &[SealedKey] {
        match purpose {
            KeyPurpose::AccessSigning => &self.signing,
            KeyPurpose::RefreshSealing => &self.refresh,
        }
    }

    /// When the keys of that purpose were made.
    pub(crate) fn times(&self, purpose: KeyPurpose) -> Vec<Timestamp> {
        self.line(purpose).iter().map(|key| key.created_at).collect()
    }

    /// Whether every key can be opened and used.
    pub(crate) fn check(&self, sealers: &Sealers) -> Result<(), OpenError> {
        for key in &self.signing {
            unseal_signing(sealers, key)?;
        }
        for key in &self.refresh {
            unseal_refresh(sealers, key)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Stored {
    /// Names the keys. What is sealed is no secret, but long.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.signing.iter().chain(&self.refresh);
        formatter.debug_list().entries(keys.map(|key| &key.id)).finish()
    }
}

/// The secret of a key that signs access tokens.
pub(crate) fn unseal_signing(sealers: &Sealers, key: &SealedKey) -> Result<SigningKey, OpenError> {
    let secret = unseal(sealers, key)?;
    let algorithm = Algorithm::parse(&key.algorithm).ok_or_else(|| unknown_algorithm(key))?;
    Ok(SigningKey::from_pkcs8(algorithm, secret.expose_secret())?)
}

/// The secret of a key that seals refresh tokens.
pub(crate) fn unseal_refresh(sealers: &Sealers, key: &SealedKey) -> Result<hmac::Key, OpenError> {
    let secret = unseal(sealers, key)?;
    if key.algorithm != REFRESH_ALGORITHM {
        return Err(unknown_algorithm(key));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret()))
}

/// The secret of a key, whatever it is for.
pub(crate) fn unseal(sealers: &Sealers, key: &SealedKey) -> Result<SecretSlice<u8>, OpenError> {
    let SealedKey { purpose, ordinal, .. } = *key;
    sealers.open(key).map_err(|why| match why {
        Unsealable::OtherMasterKey if sealers.has_previous() => {
            OpenError::NeitherMasterKey { purpose, ordinal }
        }
        Unsealable::OtherMasterKey => OpenError::WrongMasterKey { purpose, ordinal },
        Unsealable::Damaged => OpenError::Damaged { purpose, ordinal },
    })
}

fn unknown_algorithm(key: &SealedKey) -> OpenError {
    OpenError::UnknownAlgorithm {
        purpose: key.purpose,
        ordinal: key.ordinal,
        algorithm: key.algorithm.clone(),
    }
}
