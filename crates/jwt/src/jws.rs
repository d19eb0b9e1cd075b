//! The compact form of a signed token (RFC 7515, section 7.1): written, and read strictly.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::key::KeyId;
use doorward_domain::token::{SigningError, TokenRejected};
use serde::{Deserialize, Serialize};

use crate::rejection::rejected;
use crate::{SigningKey, TokenType, VerificationKeys};

/// The longest token that is read, in bytes. The longest access token, with the most and longest roles and the longest
/// email address, has less than half of it.
const MAX_BYTES: usize = 8 * 1024;

/// Signs `claims` into a token of that type.
pub(crate) fn sign<C: Serialize>(
    key: &dyn SigningKey,
    token_type: TokenType,
    claims: &C,
) -> Result<String, SigningError> {
    let failed = |error: serde_json::Error| SigningError(error.to_string());
    let public = key.public_key();
    let header = HeaderOut {
        typ: token_type.as_str(),
        alg: public.algorithm().as_str(),
        kid: public.id().as_str(),
    };
    let mut token = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).map_err(failed)?);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims).map_err(failed)?, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// The header of a token to be signed.
#[derive(Serialize)]
struct HeaderOut<'a> {
    typ: &'a str,
    alg: &'a str,
    kid: &'a str,
}

/// A token whose type and signature have been verified.
pub(crate) struct Signed {
    /// The key that signed it.
    pub(crate) key: KeyId,
    pub(crate) payload: Vec<u8>,
}

/// Verifies the type and the signature of a token, but not its payload.
///
/// The token selects one of `keys` by its `kid`, and the key determines the algorithm. Nothing else in the header
/// influences the verification.
pub(crate) fn verify(
    token: &str,
    expected: TokenType,
    keys: &dyn VerificationKeys,
) -> Result<Signed, TokenRejected> {
    let token = Compact::parse(token)?;
    let header = token.header()?;
    if !expected.is_named(&header.typ) {
        return Err(rejected("wrong token type"));
    }
    let key = keys
        .verification_key(&header.kid)
        .ok_or(rejected("unknown kid"))?;
    if header.alg != key.algorithm().as_str() {
        return Err(rejected("wrong algorithm for the key"));
    }
    if !key.verifies(token.signed, &token.signature) {
        return Err(rejected("invalid signature"));
    }
    Ok(Signed {
        key: key.id().clone(),
        payload: token.payload,
    })
}

/// A token of the right shape, not verified.
struct Compact<'a> {
    /// The signed bytes: the first two parts with the dot between them.
    signed: &'a [u8],
    signature: Vec<u8>,
    payload: Vec<u8>,
    header: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Splits a token: exactly three parts, each in base64url without padding and without stray bits.
    fn parse(token: &'a str) -> Result<Self, TokenRejected> {
        if token.len() > MAX_BYTES {
            return Err(rejected("the token is too long"));
        }
        let three = "the token does not have three parts";
        let (signed, signature) = token.rsplit_once('.').ok_or(rejected(three))?;
        let (header, payload) = signed.split_once('.').ok_or(rejected(three))?;
        // A fourth part would have left a dot in the payload, which is not base64url.
        let decode = |part| {
            URL_SAFE_NO_PAD
                .decode(part)
                .map_err(|_position| rejected("a part of the token is not base64url"))
        };
        Ok(Self {
            signed: signed.as_bytes(),
            signature: decode(signature)?,
            payload: decode(payload)?,
            header: decode(header)?,
        })
    }

    fn header(&self) -> Result<Header<'_>, TokenRejected> {
        // Serde would read an array as a struct too.
        if self.header.first() != Some(&b'{') {
            return Err(rejected("the header is not an object"));
        }
        serde_json::from_slice(&self.header).map_err(|_position| {
            rejected("a member of the header is missing, duplicated, unknown or of the wrong type")
        })
    }
}

/// The header: these three members and no other. Members that carry a key or its address (`jwk`, `jku`, `x5c`, `x5u`),
/// change how the token is read (`b64`, `zip`, `cty`) or make demands (`crit`) are rejected because they are not listed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    #[serde(borrow)]
    typ: Cow<'a, str>,
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    kid: Cow<'a, str>,
}
