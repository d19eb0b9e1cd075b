//! Verifying access tokens.

use core::time::Duration;
use std::sync::Arc;

use doorward_domain::time::Timestamp;
use doorward_domain::token::{AccessClaims, ClaimTimes, UntimelyClaims};
use doorward_domain::token::{AccessTokenVerifier, TokenRejected};

use crate::claims::ClaimsIn;
use crate::jws::{self, Signed};
use crate::key_set::{InvalidKeySet, KeySet};
use crate::rejection::rejected;
use crate::verified_tokens::{VerifiedToken, VerifiedTokens};
use crate::{IssuerAndAudience, TokenType, VerificationKeys};

/// Verifies access tokens, in Doorward itself or in any service that has Doorward's key set.
///
/// It uses no network. A token selects one of the known keys by `kid`, and the key determines the algorithm; nothing else
/// in the header influences the verification.
///
/// A verified token can have been revoked since it was signed: see `GET /v1/revocations`.
#[derive(Debug, Clone)]
pub struct Verifier {
    keys: Arc<dyn VerificationKeys>,
    parties: IssuerAndAudience,
    leeway: Duration,
    cache: Option<Arc<VerifiedTokens>>,
}

impl Verifier {
    /// Verifies with `keys`, for clocks that differ by at most `leeway`.
    pub fn new(
        keys: Arc<impl VerificationKeys + 'static>,
        parties: IssuerAndAudience,
        leeway: Duration,
    ) -> Self {
        Self {
            keys,
            parties,
            leeway,
            cache: None,
        }
    }

    /// Verifies with the keys of a key set (RFC 7517) as Doorward publishes it at `/.well-known/jwks.json`.
    ///
    /// The verifier has only the keys of this document: after a rotation, make a new one from the new document. Doorward
    /// publishes a key well before it signs with it.
    pub fn from_key_set(
        json: &str,
        parties: IssuerAndAudience,
        leeway: Duration,
    ) -> Result<Self, InvalidKeySet> {
        Ok(Self::new(Arc::new(KeySet::parse(json)?), parties, leeway))
    }

    /// Caches about `capacity` verified tokens, a few hundred bytes each, so that their signatures are not verified again.
    /// At each use of a cached token, its key must still be known and its times are checked.
    #[must_use]
    pub fn with_cache(self, capacity: usize) -> Self {
        Self {
            cache: Some(Arc::new(VerifiedTokens::new(capacity))),
            ..self
        }
    }

    /// The payload of a token of the expected type, once its signature has been verified. Not a single claim has been
    /// checked, neither issuer nor audience nor expiry.
    pub fn verify_signature(&self, token: &str, expected: TokenType) -> Result<Vec<u8>, TokenRejected> {
        jws::verify(token, expected, &*self.keys).map(|signed| signed.payload)
    }

    /// Checks an access token in the order of cost and trust: shape, header, signature, and only then its claims.
    fn verify_uncached(&self, token: &str, now: Timestamp) -> Result<VerifiedToken, TokenRejected> {
        let Signed { key, payload } = jws::verify(token, TokenType::ACCESS, &*self.keys)?;
        let claims = ClaimsIn::parse(&payload)?;
        let times = claims.times();
        self.check_times(&times, now)?;
        Ok(VerifiedToken {
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
    /// Of `jsonwebtoken` only the cryptography is used: its check of claims reads the system clock and accepts tokens without
    /// the claims.
    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenRejected> {
        let Some(cache) = &self.cache else {
            return Ok(self.verify_uncached(token, now)?.claims);
        };
        let digest = VerifiedTokens::digest(token);
        if let Some(known) = cache.get(&digest)
            && self.keys.verification_key(known.key.as_str()).is_some()
        {
            self.check_times(&known.times, now)?;
            return Ok(known.claims.clone());
        }
        let verified = Arc::new(self.verify_uncached(token, now)?);
        cache.insert(digest, &verified);
        Ok(verified.claims.clone())
    }
}
