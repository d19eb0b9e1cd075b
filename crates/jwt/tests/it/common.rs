//! Claims, keys and issuers that the tests share.

use core::time::Duration;
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::id::{SessionId, TokenId};
use doorward_domain::session::Authentication;
use doorward_domain::subject::SubjectVersion;
use doorward_domain::time::Timestamp;
use doorward_domain::token::AccessClaims;
use doorward_domain::token::{AccessTokenVerifier, SigningError};
use doorward_jwt::{
    Algorithm, IssuerAndAudience, PublicKey, SigningKey, SigningKeys, VerificationKeys, Verifier,
    key_set_document,
};
use doorward_testkit::sample;
use serde_json::{Value, json};

/// The time at which the tokens of these tests are issued.
pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

/// The largest accepted difference between clocks.
pub const LEEWAY: Duration = Duration::from_secs(5);

pub fn parties() -> IssuerAndAudience {
    IssuerAndAudience {
        issuer: "https://id.example.org".to_owned(),
        audience: "doorward".to_owned(),
    }
}

pub fn claims() -> AccessClaims {
    AccessClaims {
        subject: sample::user(7).id.into(),
        session_id: SessionId::from_bytes([2; 16]),
        token_id: TokenId::from_bytes([3; 16]),
        subject_version: SubjectVersion::new(4),
        roles: sample::roles(&["admin", "user"]),
        email: Some("Ada@Example.org".to_owned()),
        email_verified: false,
        issued_at: NOW,
        expires_at: NOW + Duration::from_secs(900),
        authentication: Some(Authentication::by_password(NOW - Duration::from_secs(60))),
    }
}

/// The same claims as JSON, as expected in a token.
pub fn claims_json() -> Value {
    json!({
        "iss": "https://id.example.org",
        "sub": sample::user(7).id.to_string(),
        "aud": "doorward",
        "client_id": "doorward",
        "iat": 1_700_000_000,
        "exp": 1_700_000_900,
        "jti": "03030303-0303-0303-0303-030303030303",
        "sid": "02020202-0202-0202-0202-020202020202",
        "ver": 4,
        "roles": ["admin", "user"],
        "email": "Ada@Example.org",
        "email_verified": false,
        "auth_time": 1_699_999_940,
        "amr": ["pwd"],
    })
}

/// The parts of a token, decoded.
pub fn decode(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let header = serde_json::from_slice(&parts.next().unwrap()).unwrap();
    let payload = serde_json::from_slice(&parts.next().unwrap()).unwrap();
    (header, payload)
}

/// The keys of a small issuer: the last of them signs, all of them verify.
#[derive(Debug)]
pub struct TestKeys(Mutex<Vec<Arc<TestKey>>>);

impl TestKeys {
    /// One key. That of EdDSA is the same for the same seed.
    pub fn new(algorithm: Algorithm, seed: u8) -> Arc<Self> {
        Arc::new(Self(Mutex::new(vec![TestKey::new(algorithm, seed)])))
    }

    pub fn add(&self, algorithm: Algorithm, seed: u8) {
        self.0.lock().unwrap().push(TestKey::new(algorithm, seed));
    }

    pub fn remove_first(&self) {
        self.0.lock().unwrap().remove(0);
    }

    pub fn key_set(&self) -> String {
        key_set_document(self.0.lock().unwrap().iter().map(|key| &*key.public))
    }
}

impl SigningKeys for TestKeys {
    fn signing_key(&self, _instant: Timestamp) -> Arc<dyn SigningKey> {
        let keys = self.0.lock().unwrap();
        Arc::clone(keys.last().unwrap()) as _
    }
}

impl VerificationKeys for TestKeys {
    fn verification_key(&self, kid: &str) -> Option<Arc<PublicKey>> {
        let keys = self.0.lock().unwrap();
        let key = keys.iter().find(|key| key.public.id().as_str() == kid)?;
        Some(Arc::clone(&key.public))
    }
}

#[derive(Debug)]
pub struct TestKey {
    pair: TestKeyPair,
    public: Arc<PublicKey>,
}

#[derive(Debug)]
enum TestKeyPair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

impl TestKey {
    fn new(algorithm: Algorithm, seed: u8) -> Arc<Self> {
        let (pair, public) = match algorithm {
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
                let public = pair.public_key().as_ref().to_vec();
                (TestKeyPair::Ed25519(pair), public)
            }
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
                let public = pair.public_key().as_ref().to_vec();
                (TestKeyPair::P256(pair), public)
            }
        };
        let public = Arc::new(PublicKey::new(algorithm, &public).unwrap());
        Arc::new(Self { pair, public })
    }
}

impl SigningKey for TestKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the library requires a source of randomness, but draws from the operating system in any case"
    )]
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let signature = match &self.pair {
            TestKeyPair::Ed25519(pair) => pair.sign(message),
            TestKeyPair::P256(pair) => pair.sign(&SystemRandom::new(), message).unwrap(),
        };
        Ok(signature.as_ref().to_vec())
    }
}

/// An issuer whose key is in the key set, and that signs any header and any payload.
pub struct TestIssuer {
    pair: Ed25519KeyPair,
    pub verifier: Verifier,
}

impl TestIssuer {
    pub const KID: &str = "issuer-key";

    pub fn new() -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[42; 32]).unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key());
        let set = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x, "kid": Self::KID}]});
        let verifier = Verifier::from_key_set(&set.to_string(), parties(), LEEWAY).unwrap();
        Self { pair, verifier }
    }

    pub fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    pub fn header() -> Value {
        json!({"typ": "at+jwt", "alg": "EdDSA", "kid": Self::KID})
    }

    /// A token of these parts, with a valid signature.
    pub fn sign(&self, header: &str, payload: &str) -> String {
        self.sign_encoded(&URL_SAFE_NO_PAD.encode(header), &URL_SAFE_NO_PAD.encode(payload))
    }

    /// A token of these encoded parts, with a valid signature.
    pub fn sign_encoded(&self, header: &str, payload: &str) -> String {
        let message = format!("{header}.{payload}");
        let signature = self.pair.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Asserts that the token is rejected for this reason.
#[track_caller]
pub fn assert_rejected(issuer: &TestIssuer, token: &str, reason: &str) {
    match issuer.verifier.verify(token, NOW) {
        Ok(_) => panic!("accepted: {token}"),
        Err(rejected) => assert_eq!(rejected.reason, reason, "{token}"),
    }
}

/// The object with another value of that member.
pub fn with(mut object: Value, member: &str, value: Value) -> String {
    object[member] = value;
    object.to_string()
}

/// The object without that member.
pub fn without(mut object: Value, member: &str) -> String {
    object.as_object_mut().unwrap().remove(member);
    object.to_string()
}
