//! Signing access tokens.

use std::sync::Arc;

use doorward_domain::token::{AccessClaims, AccessToken};
use doorward_domain::token::{AccessTokenSigner, SigningError};

use crate::claims::ClaimsOut;
use crate::{IssuerAndAudience, KeyRing};

/// Signs access tokens with the current key of a ring.
#[derive(Debug, Clone)]
pub struct Signer {
    ring: Arc<KeyRing>,
    parties: IssuerAndAudience,
}

impl Signer {
    /// Signs with the keys of `ring`, in the name of the issuer and for the audience of `parties`.
    pub const fn new(ring: Arc<KeyRing>, parties: IssuerAndAudience) -> Self {
        Self { ring, parties }
    }
}

impl AccessTokenSigner for Signer {
    fn sign(&self, claims: &AccessClaims) -> Result<AccessToken, SigningError> {
        let keys = self.ring.keys();
        let token = keys
            .signing
            .current_at(claims.issued_at)
            .sign(&ClaimsOut::new(claims, &self.parties))?;
        Ok(AccessToken::new(token))
    }
}
