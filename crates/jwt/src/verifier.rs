//! Verifying access tokens.

use core::time::Duration;
use std::sync::Arc;

use doorward_domain::ports::{AccessTokenVerifier, TokenRejected};
use doorward_domain::time::Timestamp;
use doorward_domain::token::{AccessClaims, UntimelyClaims};

use crate::claims::{ClaimsIn, rejected};
use crate::compact::Compact;
use crate::key_set::{InvalidKeySet, KeySet};
use crate::public_key::PublicKey;
use crate::{KeyRing, Parties};

/// Verifies access tokens, in Doorward itself or in any service that has Doorward's key set.
///
/// It fetches nothing and keeps no state. The token chooses a key among those at hand by `kid`, and the key says by which
/// algorithm it verifies; nothing else that the token says about its own verification counts.
///
/// A verified token can have been revoked since it was signed: see `GET /v1/revocations`.
#[derive(Debug, Clone)]
pub struct Verifier {
    keys: KeySource,
    parties: Parties,
    leeway: Duration,
}

#[derive(Debug, Clone)]
enum KeySource {
    Ring(Arc<KeyRing>),
    KeySet(KeySet),
}

impl Verifier {
    /// Verifies with the keys of `ring`, forgiving clocks that differ by `leeway`.
    pub const fn new(ring: Arc<KeyRing>, parties: Parties, leeway: Duration) -> Self {
        Self {
            keys: KeySource::Ring(ring),
            parties,
            leeway,
        }
    }

    /// Verifies with the keys of a key set (RFC 7517) as Doorward publishes it at `/.well-known/jwks.json`.
    ///
    /// The keys are those of the document: after a key was rotated, a new verifier has to be made of the new document.
    /// Doorward publishes a key well before it signs with it.
    pub fn from_key_set(json: &str, parties: Parties, leeway: Duration) -> Result<Self, InvalidKeySet> {
        Ok(Self {
            keys: KeySource::KeySet(KeySet::parse(json)?),
            parties,
            leeway,
        })
    }

    /// Verifies the signature of a token by the key that its header names.
    fn verify_signature(&self, token: &Compact<'_>) -> Result<(), TokenRejected> {
        match &self.keys {
            KeySource::Ring(ring) => {
                let keys = ring.keys();
                verify_by(token, |kid| keys.verifying(kid))
            }
            KeySource::KeySet(keys) => verify_by(token, |kid| keys.find(kid)),
        }
    }
}

impl AccessTokenVerifier for Verifier {
    /// Checks in the order of cost and trust: shape, header, signature, and only then what the token claims.
    ///
    /// `jsonwebtoken` would check claims as well, but it reads the ambient clock, and lets what is missing pass; only
    /// its cryptography is used.
    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenRejected> {
        let token = Compact::parse(token)?;
        self.verify_signature(&token)?;
        let claims = ClaimsIn::parse(&token.payload)?;
        claims
            .times()
            .check(now, self.leeway)
            .map_err(|untimely| match untimely {
                UntimelyClaims::Expired => rejected("the token has expired"),
                UntimelyClaims::NotYet => rejected("the token is not valid yet"),
            })?;
        claims.check(&self.parties)
    }
}

fn verify_by<'k>(
    token: &Compact<'_>,
    find: impl FnOnce(&str) -> Option<&'k PublicKey>,
) -> Result<(), TokenRejected> {
    let header = token.header()?;
    let key = find(&header.kid).ok_or(rejected("no key has that kid"))?;
    if header.alg != key.algorithm().as_str() {
        return Err(rejected("the algorithm is not that of the key"));
    }
    if !key.verifies(token.signed, &token.signature) {
        return Err(rejected("the signature is not that of the key"));
    }
    Ok(())
}
