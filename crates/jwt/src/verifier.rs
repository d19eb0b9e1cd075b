//! Verifying access tokens.

use core::time::Duration;
use std::sync::Arc;

use doorward_domain::ports::{AccessTokenVerifier, TokenRejected};
use doorward_domain::time::Timestamp;
use doorward_domain::token::{AccessClaims, ClaimTimes, UntimelyClaims};

use crate::claims::ClaimsIn;
use crate::jws::{self, Signed};
use crate::key_set::{InvalidKeySet, KeySet};
use crate::rejection::rejected;
use crate::verified_tokens::{Verified, VerifiedTokens};
use crate::{IssuerAndAudience, TokenType, VerificationKeys};

/// Verifies access tokens, in Doorward itself or in any service that has Doorward's key set.
///
/// It fetches nothing. A token selects one of the known keys by `kid`, and the key determines the algorithm; nothing else
/// in the header influences the verification.
///
/// A verified token can have been revoked since it was signed: see `GET /v1/revocations`.
#[derive(Debug, Clone)]
pub struct Verifier {
    keys: Arc<dyn VerificationKeys>,
    parties: IssuerAndAudience,
    leeway: Duration,
    verified: Option<Arc<VerifiedTokens>>,
}

impl Verifier {
    /// Verifies with `keys`, forgiving clocks that differ by `leeway`.
    pub fn new(
        keys: Arc<impl VerificationKeys + 'static>,
        parties: IssuerAndAudience,
        leeway: Duration,
    ) -> Self {
        Self {
            keys,
            parties,
            leeway,
            verified: None,
        }
    }

    /// Verifies with the keys of a key set (RFC 7517) as Doorward publishes it at `/.well-known/jwks.json`.
    ///
    /// The keys are those of the document: after a key was rotated, a new verifier has to be made of the new document.
    /// Doorward publishes a key well before it signs with it.
    pub fn from_key_set(
        json: &str,
        parties: IssuerAndAudience,
        leeway: Duration,
    ) -> Result<Self, InvalidKeySet> {
        Ok(Self::new(Arc::new(KeySet::parse(json)?), parties, leeway))
    }

    /// Remembers about `tokens` tokens that verified, a few hundred bytes each, and verifies the signature of none of them
    /// twice. Whether its key is still known and its time has come or passed is asked at each use.
    #[must_use]
    pub fn remembering(self, tokens: usize) -> Self {
        Self {
            verified: Some(Arc::new(VerifiedTokens::new(tokens))),
            ..self
        }
    }

    /// The payload of a token of the expected type, once its signature has been verified. Not a single claim has been
    /// checked, neither issuer nor audience nor expiry.
    pub fn verify_signature(&self, token: &str, expected: TokenType) -> Result<Vec<u8>, TokenRejected> {
        jws::verify(token, expected, &*self.keys).map(|signed| signed.payload)
    }

    /// Checks an access token in the order of cost and trust: shape, header, signature, and only then its claims.
    fn examine(&self, token: &str, now: Timestamp) -> Result<Verified, TokenRejected> {
        let Signed { key, payload } = jws::verify(token, TokenType::ACCESS, &*self.keys)?;
        let claims = ClaimsIn::parse(&payload)?;
        let times = claims.times();
        self.check_times(&times, now)?;
        Ok(Verified {
            key,
            times,
            claims: claims.check(&self.parties)?,
        })
    }

    fn check_times(&self, times: &ClaimTimes, now: Timestamp) -> Result<(), TokenRejected> {
        times.check(now, self.leeway).map_err(|untimely| match untimely {
            UntimelyClaims::Expired => rejected("the token has expired"),
            UntimelyClaims::NotYet => rejected("the token is not valid yet"),
        })
    }
}

impl AccessTokenVerifier for Verifier {
    /// `jsonwebtoken` would check claims as well, but it reads the ambient clock, and lets what is missing pass; only
    /// its cryptography is used.
    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenRejected> {
        let Some(memory) = &self.verified else {
            return Ok(self.examine(token, now)?.claims);
        };
        let digest = VerifiedTokens::digest(token);
        if let Some(known) = memory.find(&digest)
            && self.keys.verification_key(known.key.as_str()).is_some()
        {
            self.check_times(&known.times, now)?;
            return Ok(known.claims.clone());
        }
        let verified = Arc::new(self.examine(token, now)?);
        memory.remember(digest, &verified);
        Ok(verified.claims.clone())
    }
}
