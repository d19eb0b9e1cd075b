//! Signing tokens.

use std::sync::Arc;

use doorward_domain::time::Timestamp;
use doorward_domain::token::{AccessClaims, AccessToken};
use doorward_domain::token::{AccessTokenSigner, SigningError};
use serde::Serialize;

use crate::claims::ClaimsOut;
use crate::{IssuerAndAudience, SigningKeys, TokenType, jws};

/// Signs tokens, each with the key that is current when it is issued.
#[derive(Debug, Clone)]
pub struct Signer {
    keys: Arc<dyn SigningKeys>,
    parties: IssuerAndAudience,
}

impl Signer {
    /// Signs with `keys`. `parties` are the issuer and the audience of access tokens.
    pub fn new(keys: Arc<impl SigningKeys + 'static>, parties: IssuerAndAudience) -> Self {
        Self { keys, parties }
    }

    /// Signs a token of any type. It contains exactly `claims`: no issuer, audience or time is added.
    pub fn sign_claims<C: Serialize>(
        &self,
        token_type: TokenType,
        issued_at: Timestamp,
        claims: &C,
    ) -> Result<String, SigningError> {
        jws::sign(&*self.keys.signing_key(issued_at), token_type, claims)
    }
}

impl AccessTokenSigner for Signer {
    fn sign(&self, claims: &AccessClaims) -> Result<AccessToken, SigningError> {
        let issued_at = claims.issued_at;
        let claims = ClaimsOut::new(claims, &self.parties);
        self.sign_claims(TokenType::ACCESS, issued_at, &claims)
            .map(AccessToken::new)
    }
}
