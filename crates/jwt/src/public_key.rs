//! The public half of a signing key.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::key::KeyId;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Algorithm;

/// The first byte of an uncompressed point (SEC 1, section 2.3.3). The coordinates follow it.
const UNCOMPRESSED: u8 = 4;

/// The length of a coordinate of P-256, in bytes.
const COORDINATE: usize = 32;

/// The bytes are not a public key of the algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a public key of the algorithm")]
pub struct InvalidPublicKey;

/// A public key, together with the one algorithm that it verifies.
#[derive(Debug, Clone)]
pub struct PublicKey {
    id: KeyId,
    algorithm: Algorithm,
    bytes: Vec<u8>,
    decoding: DecodingKey,
}

impl PublicKey {
    /// The key of these bytes (Ed25519: RFC 8032; P-256: an uncompressed point), with its thumbprint as `kid`.
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, InvalidPublicKey> {
        let mut key = Self::with_id(KeyId::new(""), algorithm, bytes)?;
        key.id = key.thumbprint();
        Ok(key)
    }

    /// The key of these bytes, with the `kid` under which it was published.
    pub(crate) fn with_id(id: KeyId, algorithm: Algorithm, bytes: &[u8]) -> Result<Self, InvalidPublicKey> {
        // Parsing also makes sure that a point lies on its curve.
        let is_valid = match algorithm {
            Algorithm::EdDsa => bytes.len() == 32 && ParsedPublicKey::new(&ED25519, bytes).is_ok(),
            Algorithm::Es256 => {
                coordinates(bytes).is_some() && ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes).is_ok()
            }
        };
        if !is_valid {
            return Err(InvalidPublicKey);
        }
        let decoding = match algorithm {
            Algorithm::EdDsa => DecodingKey::from_ed_der(bytes),
            Algorithm::Es256 => DecodingKey::from_ec_der(bytes),
        };
        Ok(Self {
            id,
            algorithm,
            bytes: bytes.to_vec(),
            decoding,
        })
    }

    /// The `kid`: the thumbprint, or the one under which the key was published.
    pub const fn id(&self) -> &KeyId {
        &self.id
    }

    /// The one algorithm that the key verifies.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key in the encoding that [`PublicKey::new`] reads.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether `signature` is a signature of `message` with this key and its algorithm.
    ///
    /// The backend is selected explicitly. The default of `jsonwebtoken` depends on the crate features of the whole program,
    /// and panics in a program in which another crate enables another backend.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&self.algorithm.as_jwa(), &self.decoding)
            .is_ok_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
    }

    /// The key as a JWK (RFC 7517; Ed25519: RFC 8037; P-256: RFC 7518, section 6.2).
    pub(crate) fn to_jwk(&self) -> Jwk<'_> {
        let RequiredMembers { crv, kty, x, y } = self.required_members();
        Jwk {
            kty,
            crv,
            x,
            y,
            kid: self.id.as_str(),
            alg: self.algorithm.as_str(),
            usage: "sig",
        }
    }

    /// The SHA-256 thumbprint (RFC 7638) in base64url.
    fn thumbprint(&self) -> KeyId {
        // Strings and a struct cannot fail to be serialised.
        let canonical = serde_json::to_vec(&self.required_members()).unwrap_or_default();
        KeyId::new(URL_SAFE_NO_PAD.encode(Sha256::digest(canonical)))
    }

    fn required_members(&self) -> RequiredMembers {
        match self.algorithm {
            Algorithm::EdDsa => RequiredMembers {
                crv: "Ed25519",
                kty: "OKP",
                x: URL_SAFE_NO_PAD.encode(&self.bytes),
                y: None,
            },
            Algorithm::Es256 => {
                let (x, y) = self.bytes.split_at(1).1.split_at(COORDINATE);
                RequiredMembers {
                    crv: "P-256",
                    kty: "EC",
                    x: URL_SAFE_NO_PAD.encode(x),
                    y: Some(URL_SAFE_NO_PAD.encode(y)),
                }
            }
        }
    }
}

/// The coordinates of an uncompressed point.
fn coordinates(point: &[u8]) -> Option<(&[u8; COORDINATE], &[u8; COORDINATE])> {
    let (x, y) = point.strip_prefix(&[UNCOMPRESSED])?.split_first_chunk()?;
    Some((x, y.try_into().ok()?))
}

/// The members that the thumbprint covers, in the order of RFC 7638, section 3.2.
#[derive(Serialize)]
struct RequiredMembers {
    crv: &'static str,
    kty: &'static str,
    x: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
}

/// A public key as published.
#[derive(Serialize)]
pub(crate) struct Jwk<'a> {
    kty: &'static str,
    crv: &'static str,
    x: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    kid: &'a str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// The key of RFC 8037, appendix A.2.
    fn ed25519() -> PublicKey {
        PublicKey::new(
            Algorithm::EdDsa,
            &decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
        )
        .unwrap()
    }

    /// The key of RFC 7515, appendix A.3.
    fn p256() -> PublicKey {
        let x = decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
        let y = decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
        PublicKey::new(Algorithm::Es256, &[&[UNCOMPRESSED][..], &x, &y].concat()).unwrap()
    }

    #[test]
    fn thumbprints_match_the_test_vectors_of_the_rfcs() {
        // RFC 8037, appendix A.3.
        assert_eq!(
            ed25519().id().as_str(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
        // The canonical form of RFC 7638, section 3.2, written out.
        let canonical = r#"{"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
        assert_eq!(
            p256().id().as_str(),
            URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
        );
        assert_eq!(
            p256().id().as_str(),
            "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"
        );
    }

    #[test]
    fn signatures_of_the_rfc_test_vectors_verify() {
        // RFC 8037, appendix A.4.
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature =
            decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
        assert!(ed25519().verifies(message, &signature));
        assert!(!p256().verifies(message, &signature));
        assert!(!ed25519().verifies(b"another message", &signature));
        // RFC 7515, appendix A.3.
        let message = b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature =
            decode("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
        assert!(p256().verifies(message, &signature));
        assert!(!ed25519().verifies(message, &signature));
    }

    #[test]
    fn bytes_that_are_not_a_key_are_rejected() {
        for (algorithm, bytes) in [
            (Algorithm::EdDsa, vec![]),
            (Algorithm::EdDsa, vec![1; 31]),
            (Algorithm::EdDsa, vec![1; 33]),
            (Algorithm::EdDsa, p256().as_bytes().to_vec()),
            (Algorithm::Es256, vec![]),
            (Algorithm::Es256, vec![4; 65]),
            (Algorithm::Es256, vec![0; 65]),
            (Algorithm::Es256, ed25519().as_bytes().to_vec()),
            // Compressed: a point has one spelling.
            (Algorithm::Es256, [&[3][..], &p256().as_bytes()[1..33]].concat()),
        ] {
            assert_eq!(
                PublicKey::new(algorithm, &bytes).map(|_| ()),
                Err(InvalidPublicKey),
                "{bytes:?}"
            );
        }
    }
}
