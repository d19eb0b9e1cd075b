//! Signing access tokens.

use std::sync::Arc;

use doorward_domain::ports::{AccessTokenSigner, SigningError};
use doorward_domain::token::{AccessClaims, AccessToken};

use crate::claims::ClaimsOut;
use crate::{IssuerAndAudience, SigningKeys, jws};

/// Signs access tokens with the key that is current when they are issued.
#[derive(Debug, Clone)]
pub struct Signer {
    keys: Arc<dyn SigningKeys>,
    parties: IssuerAndAudience,
}

impl Signer {
    /// Signs with `keys`, in the name of the issuer and for the audience of `parties`.
    pub fn new(keys: Arc<impl SigningKeys + 'static>, parties: IssuerAndAudience) -> Self {
        Self { keys, parties }
    }
}

impl AccessTokenSigner for Signer {
    fn sign(&self, claims: &AccessClaims) -> Result<AccessToken, SigningError> {
        let key = self.keys.signing_key(claims.issued_at);
        jws::sign(&*key, &ClaimsOut::new(claims, &self.parties)).map(AccessToken::new)
    }
}
