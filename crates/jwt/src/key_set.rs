//! Key sets as published (RFC 7517, section 5).

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::key::KeyId;
use serde::{Deserialize, Serialize};

use crate::public_key::{Jwk, PublicKey};
use crate::{Algorithm, VerificationKeys};

/// The longest key set that is read, in bytes: enough for hundreds of keys.
const MAX_BYTES: usize = 64 * 1024;

/// A document that is not a usable key set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeySet {
    /// Not a JSON object with a list of keys, or more than 64 KiB.
    #[error("invalid key set: {0}")]
    Malformed(String),
    /// A key of a supported kind that is malformed.
    #[error("the key {kid:?} of the key set cannot be used: {reason}")]
    BadKey {
        /// The `kid`, if the key has one.
        kid: Option<String>,
        /// The reason.
        reason: &'static str,
    },
    /// It has no key that verifies access tokens.
    #[error("the key set has no key that verifies access tokens")]
    NoKey,
}

/// The usable keys of a key set.
#[derive(Debug, Clone)]
pub(crate) struct KeySet(Vec<Arc<PublicKey>>);

impl KeySet {
    /// Reads a key set. Keys of other kinds and for other uses are ignored, as RFC 7517 requires. A malformed key of a
    /// supported kind is an error, because the tokens that it signed would be rejected without apparent reason.
    pub(crate) fn parse(json: &str) -> Result<Self, InvalidKeySet> {
        if json.len() > MAX_BYTES {
            return Err(InvalidKeySet::Malformed("it is too long".to_owned()));
        }
        let document: KeySetDocument<JwkIn> =
            serde_json::from_str(json).map_err(|error| InvalidKeySet::Malformed(error.to_string()))?;
        let mut keys: Vec<Arc<PublicKey>> = Vec::new();
        for jwk in document.keys {
            let Some(key) = jwk.read()? else { continue };
            if keys.iter().any(|other| other.id() == key.id()) {
                let kid = Some(key.id().as_str().to_owned());
                return Err(InvalidKeySet::BadKey {
                    kid,
                    reason: "another key has the same kid",
                });
            }
            keys.push(Arc::new(key));
        }
        if keys.is_empty() {
            Err(InvalidKeySet::NoKey)
        } else {
            Ok(Self(keys))
        }
    }
}

impl VerificationKeys for KeySet {
    fn verification_key(&self, kid: &str) -> Option<Arc<PublicKey>> {
        self.0.iter().find(|key| key.id().as_str() == kid).map(Arc::clone)
    }
}

/// The key set document (RFC 7517, section 5) that publishes `keys`, in their order.
pub fn key_set_document<'a>(keys: impl Iterator<Item = &'a PublicKey>) -> String {
    let document = KeySetDocument {
        keys: keys.map(PublicKey::to_jwk).collect::<Vec<Jwk<'_>>>(),
    };
    // Strings and structs cannot fail to be serialised.
    serde_json::to_string(&document).unwrap_or_default()
}

#[derive(Serialize, Deserialize)]
struct KeySetDocument<K> {
    keys: Vec<K>,
}

/// A key as published. Members that are not listed are ignored.
#[derive(Deserialize)]
struct JwkIn {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
}

impl JwkIn {
    /// The key, or `None` when it is of another kind or for another use.
    fn read(self) -> Result<Option<PublicKey>, InvalidKeySet> {
        let algorithm = match (self.kty.as_str(), self.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => Algorithm::EdDsa,
            ("EC", Some("P-256")) => Algorithm::Es256,
            _ => return Ok(None),
        };
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Ok(None);
        }
        let bad = |reason| InvalidKeySet::BadKey {
            kid: self.kid.clone(),
            reason,
        };
        if self.alg.as_deref().is_some_and(|alg| alg != algorithm.as_str()) {
            return Err(bad("its algorithm does not match its curve"));
        }
        let decode = |coordinate: Option<&str>| {
            let coordinate = coordinate.ok_or_else(|| bad("a coordinate is missing"))?;
            URL_SAFE_NO_PAD
                .decode(coordinate)
                .map_err(|_position| bad("a coordinate is not base64url"))
        };
        let bytes = match algorithm {
            Algorithm::EdDsa => decode(self.x.as_deref())?,
            Algorithm::Es256 => [&[4][..], &decode(self.x.as_deref())?, &decode(self.y.as_deref())?].concat(),
        };
        let id = self
            .kid
            .as_deref()
            .map(KeyId::new)
            .ok_or_else(|| bad("it has no kid"))?;
        PublicKey::with_id(id, algorithm, &bytes)
            .map(Some)
            .map_err(|_not| bad("it is not a point on its curve"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"ed","alg":"EdDSA","use":"sig"}"#;
    const EC: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","kid":"ec","alg":"ES256","use":"sig"}"#;

    fn set(keys: &[&str]) -> Result<KeySet, InvalidKeySet> {
        KeySet::parse(&format!(r#"{{"keys":[{}]}}"#, keys.join(",")))
    }

    #[test]
    fn a_key_set_survives_a_round_trip() {
        let keys = set(&[ED, EC]).unwrap();
        assert_eq!(
            key_set_document(keys.0.iter().map(|key| &**key)),
            format!(r#"{{"keys":[{ED},{EC}]}}"#)
        );
        assert_eq!(keys.verification_key("ec").unwrap().algorithm(), Algorithm::Es256);
        assert!(keys.verification_key("EC").is_none());
    }

    #[test]
    fn keys_of_other_kinds_are_ignored() {
        let rsa = r#"{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"rsa","alg":"RS256","use":"sig"}"#;
        let oct = r#"{"kty":"oct","k":"c2VjcmV0","kid":"oct","alg":"HS256"}"#;
        let x25519 = &ED.replace("Ed25519", "X25519");
        let p384 = &EC.replace("P-256", "P-384");
        let enc = &ED.replace("\"sig\"", "\"enc\"");
        let keys = set(&[rsa, oct, x25519, p384, enc, EC]).unwrap();
        assert_eq!(keys.0.len(), 1);
        for kid in ["rsa", "oct", "ed"] {
            assert!(keys.verification_key(kid).is_none(), "{kid}");
        }
        assert_eq!(set(&[rsa, oct]).map(|_| ()), Err(InvalidKeySet::NoKey));
        assert_eq!(set(&[]).map(|_| ()), Err(InvalidKeySet::NoKey));
    }

    #[test]
    fn alg_and_use_are_optional() {
        assert!(set(&[&ED.replace(r#","alg":"EdDSA","use":"sig""#, "")]).is_ok());
    }

    #[test]
    fn a_malformed_key_is_an_error() {
        for jwk in [
            ED.replace("\"EdDSA\"", "\"ES256\""),
            ED.replace("\"EdDSA\"", "\"none\""),
            ED.replace("\"EdDSA\"", "\"HS256\""),
            ED.replace(r#","kid":"ed""#, ""),
            ED.replace("\"x\"", "\"z\""),
            ED.replace("11qY", "11qY="),
            ED.replace("11qY", ""),
            EC.replace("\"y\"", "\"z\""),
            EC.replace("x_FE", "AAAA"),
        ] {
            assert!(matches!(set(&[&jwk]), Err(InvalidKeySet::BadKey { .. })), "{jwk}");
        }
        assert!(matches!(set(&[ED, ED]), Err(InvalidKeySet::BadKey { .. })));
    }

    #[test]
    fn a_document_that_is_not_a_key_set_is_an_error() {
        for json in [
            "",
            "null",
            "{}",
            "[]",
            r#"{"keys":{}}"#,
            ED,
            r#"{"keys":[],"keys":[]}"#,
            &" ".repeat(MAX_BYTES + 1),
        ] {
            assert!(
                matches!(KeySet::parse(json), Err(InvalidKeySet::Malformed(_))),
                "{json}"
            );
        }
    }
}
