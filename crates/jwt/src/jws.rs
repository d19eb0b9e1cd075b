//! The compact form of a signed token (RFC 7515, section 7.1), written, and read strictly.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::ports::{SigningError, TokenRejected};
use serde::{Deserialize, Serialize};

use crate::SigningKey;
use crate::rejection::rejected;

/// The media type of an access token (RFC 9068, section 2.1), which keeps any other kind of JWT from passing for one.
const TOKEN_TYPE: &str = "at+jwt";

/// The longest token that is looked at, in bytes. One with the most and longest roles and the longest address has less
/// than half of it.
const MAX_BYTES: usize = 8 * 1024;

/// A token of the right shape. Nothing in it is to be believed before its signature has been verified.
pub(crate) struct Compact<'a> {
    /// What is signed: the first two parts with the dot between them.
    pub(crate) signed: &'a [u8],
    pub(crate) signature: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    header: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Takes a token apart: exactly three parts, each in base64url without padding and without stray bits.
    pub(crate) fn parse(token: &'a str) -> Result<Self, TokenRejected> {
        if token.len() > MAX_BYTES {
            return Err(rejected("the token is too long"));
        }
        let three = "the token does not have three parts";
        let (signed, signature) = token.rsplit_once('.').ok_or(rejected(three))?;
        let (header, payload) = signed.split_once('.').ok_or(rejected(three))?;
        // A fourth part would have left a dot in the payload, which base64url does not know.
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

    /// Reads the header and checks that it is one of an access token.
    pub(crate) fn header(&self) -> Result<Header<'_>, TokenRejected> {
        // Serde would take a list in the place of an object.
        if self.header.first() != Some(&b'{') {
            return Err(rejected("the header is not an object"));
        }
        let header: Header<'_> = serde_json::from_slice(&self.header).map_err(|_position| {
            rejected("a member of the header is missing, doubled, unknown or of the wrong type")
        })?;
        let kind = header
            .typ
            .get(..APPLICATION.len())
            .filter(|prefix| prefix.eq_ignore_ascii_case(APPLICATION));
        let kind = kind.map_or(&*header.typ, |prefix| {
            header.typ.get(prefix.len()..).unwrap_or_default()
        });
        if !kind.eq_ignore_ascii_case(TOKEN_TYPE) {
            return Err(rejected("the token is of another type"));
        }
        Ok(header)
    }
}

/// What may stand before a media type (RFC 7515, section 4.1.9).
const APPLICATION: &str = "application/";

/// The header: these three members and no other. What would bring a key or its address along (`jwk`, `jku`, `x5c`,
/// `x5u`), change how the token is read (`b64`, `zip`, `cty`) or make demands (`crit`) is refused by not being named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header<'a> {
    #[serde(borrow)]
    typ: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) alg: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) kid: Cow<'a, str>,
}

/// The header of a token to be signed.
#[derive(Serialize)]
struct HeaderOut<'a> {
    typ: &'a str,
    alg: &'a str,
    kid: &'a str,
}

/// Signs claims with `key`.
pub(crate) fn sign<C: Serialize>(key: &dyn SigningKey, claims: &C) -> Result<String, SigningError> {
    let failed = |error: serde_json::Error| SigningError(error.to_string());
    let public = key.public_key();
    let header = HeaderOut {
        typ: TOKEN_TYPE,
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
