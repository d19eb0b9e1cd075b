//! Keys, rules and claims that the tests share.

use core::time::Duration;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::id::{SessionId, TokenId};
use doorward_domain::key::KeyPolicy;
use doorward_domain::session::Authentication;
use doorward_domain::subject::SubjectVersion;
use doorward_domain::time::Timestamp;
use doorward_domain::token::AccessClaims;
use doorward_jwt::{Algorithm, IssuerAndAudience};
use doorward_keys::{KeyRing, KeyRules, MasterKey};
use doorward_testkit::{MemoryStore, SeededEntropy, sample};
use serde_json::{Value, json};

/// The time at which the tokens of these tests are issued.
pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

/// The largest accepted difference between clocks.
pub const LEEWAY: Duration = Duration::from_secs(5);

pub fn master(seed: u64) -> MasterKey {
    MasterKey::generate(&SeededEntropy::new(seed))
}

/// The default rules, with that algorithm.
pub fn rules(algorithm: Algorithm) -> KeyRules {
    KeyRules {
        algorithm,
        policy: KeyPolicy {
            rotate_every: Duration::from_secs(90 * 86_400),
            access_life: Duration::from_secs(905),
            refresh_life: Duration::from_secs(30 * 86_400),
        },
    }
}

/// A ring with new keys, which depend on the seed.
pub fn ring(algorithm: Algorithm, seed: u64) -> Arc<KeyRing> {
    let ring = KeyRing::open(
        &MemoryStore::new(),
        &master(seed).into(),
        rules(algorithm),
        NOW,
        &SeededEntropy::new(seed),
    )
    .unwrap();
    Arc::new(ring)
}

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
