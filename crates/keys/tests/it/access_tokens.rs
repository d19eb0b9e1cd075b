//! Access tokens that are signed and verified with the keys of a ring.

use std::sync::Arc;

use crate::common::{LEEWAY, NOW, claims, claims_json, decode, master, parties, ring, rules};
use doorward_domain::key::KeyPurpose;
use doorward_domain::key::PublishedKeys;
use doorward_domain::session::Generation;
use doorward_domain::session::RefreshTokens;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreError;
use doorward_domain::token::{AccessTokenSigner, AccessTokenVerifier, TokenRejected};
use doorward_jwt::{Algorithm, Signer, Verifier};
use doorward_keys::{KeyRing, RefreshSealer};
use doorward_testkit::{MemoryStore, SeededEntropy, sample};
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Value, json};

const BOTH: [Algorithm; 2] = [Algorithm::EdDsa, Algorithm::Es256];

#[test]
fn a_token_has_the_header_and_claims_of_rfc_9068() {
    for algorithm in BOTH {
        let ring = ring(algorithm, 1);
        let token = Signer::new(Arc::clone(&ring), parties()).sign(&claims()).unwrap();
        let (header, payload) = decode(token.expose());
        let published: Value = serde_json::from_str(&ring.key_set()).unwrap();
        let kid = &published["keys"][0]["kid"];
        assert_eq!(
            header,
            json!({"typ": "at+jwt", "alg": algorithm.as_str(), "kid": kid})
        );
        assert_eq!(payload, claims_json());
    }
}

#[test]
fn a_token_verifies_with_the_ring_and_with_the_published_keys() {
    for algorithm in BOTH {
        let ring = ring(algorithm, 1);
        let token = Signer::new(Arc::clone(&ring), parties()).sign(&claims()).unwrap();
        let own = Verifier::new(Arc::clone(&ring), parties(), LEEWAY);
        let elsewhere = Verifier::from_key_set(&ring.key_set(), parties(), LEEWAY).unwrap();
        for verifier in [own, elsewhere] {
            assert_eq!(
                verifier.verify(token.expose(), NOW),
                Ok(claims()),
                "{algorithm:?}"
            );
        }
    }
}

#[test]
fn a_published_key_set_works_in_another_library() {
    for (algorithm, members) in [
        (Algorithm::EdDsa, &["alg", "crv", "kid", "kty", "use", "x"][..]),
        (Algorithm::Es256, &["alg", "crv", "kid", "kty", "use", "x", "y"]),
    ] {
        let ring = ring(algorithm, 1);
        let published: Value = serde_json::from_str(&ring.key_set()).unwrap();
        let jwk = published["keys"][0].as_object().unwrap();
        let mut names: Vec<&str> = jwk.keys().map(String::as_str).collect();
        names.sort_unstable();
        // In particular, there is no `d`, the private key.
        assert_eq!(names, members);

        // Read with the types of jsonwebtoken.
        let set: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&ring.key_set()).unwrap();
        let key = DecodingKey::from_jwk(&set.keys[0]).unwrap();
        let mut validation = Validation::new(jsonwebtoken::Algorithm::EdDSA);
        validation.algorithms = vec![algorithm.as_str().parse().unwrap()];
        validation.set_audience(&["doorward"]);
        validation.validate_exp = false;
        let token = Signer::new(Arc::clone(&ring), parties()).sign(&claims()).unwrap();
        let read = jsonwebtoken::decode::<Value>(token.expose(), &key, &validation).unwrap();
        assert_eq!(read.claims, claims_json());
    }
}

#[test]
fn debug_output_contains_no_signing_key() {
    let ring = ring(Algorithm::EdDsa, 1);
    let printed = format!("{ring:?} {:?}", Signer::new(Arc::clone(&ring), parties()));
    assert!(printed.contains("[redacted]"), "{printed}");
    assert!(
        !printed.contains("48, 46"),
        "a PKCS#8 document is being printed: {printed}"
    );
}

#[test]
fn a_cached_token_is_rejected_once_its_key_is_removed() {
    let store = MemoryStore::new();
    let entropy = SeededEntropy::new(1);
    let ring = KeyRing::open(&store, &master(1).into(), rules(Algorithm::EdDsa), NOW, &entropy).unwrap();
    let ring = Arc::new(ring);
    let token = Signer::new(Arc::clone(&ring), parties()).sign(&claims()).unwrap();
    let verifier = Verifier::new(Arc::clone(&ring), parties(), LEEWAY).with_cache(8);
    assert_eq!(verifier.verify(token.expose(), NOW), Ok(claims()));

    ring.rotate(&store, NOW, &entropy).unwrap();
    assert_eq!(verifier.verify(token.expose(), NOW), Ok(claims()));
    store
        .transaction::<_, StoreError>(|repositories| {
            repositories
                .keys()
                .delete(KeyPurpose::AccessSigning, 1)
                .map(|_| ())
        })
        .unwrap();
    ring.reload(&store).unwrap();
    let reason = "unknown kid";
    assert_eq!(
        verifier.verify(token.expose(), NOW),
        Err(TokenRejected { reason })
    );
}

#[test]
fn access_and_refresh_tokens_are_not_interchangeable() {
    let ring = ring(Algorithm::EdDsa, 1);
    let sealer = RefreshSealer::new(ring.clone());
    let refresh = sealer.seal(&sample::session(1, sample::user(1).id), Generation::FIRST);
    let access = Signer::new(ring.clone(), parties()).sign(&claims()).unwrap();
    assert!(
        Verifier::new(ring, parties(), LEEWAY)
            .verify(refresh.expose(), NOW)
            .is_err()
    );
    assert!(sealer.open(access.expose()).is_none());
    assert!(sealer.open(&format!("dwr_{}", access.expose())).is_none());
}

/// A signature of Ed25519 depends on nothing but the key and the message, so the whole token is fixed.
#[test]
fn an_access_token_is_stable_byte_for_byte() {
    let ring = ring(Algorithm::EdDsa, 1);
    let token = Signer::new(ring, parties()).sign(&claims()).unwrap();
    let expected = concat!(
        "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIsImtpZCI6IjNKSVZkdmxjcTNEd0dtMlcxdDdlX2ExZnpmdnlJ",
        "SzZVemVqNkZ6ekI3V1EifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUub3JnIiwic3ViIjoiMDAwMDAwMDctM",
        "DBmZi03MDAwLTgwMDAtMDAwMTdmODBmZWZmIiwiYXVkIjoiZG9vcndhcmQiLCJjbGllbnRfaWQiOiJkb29yd2FyZ",
        "CIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAwOTAwLCJqdGkiOiIwMzAzMDMwMy0wMzAzLTAzMDMtMDMwM",
        "y0wMzAzMDMwMzAzMDMiLCJzaWQiOiIwMjAyMDIwMi0wMjAyLTAyMDItMDIwMi0wMjAyMDIwMjAyMDIiLCJ2ZXIiO",
        "jQsInJvbGVzIjpbImFkbWluIiwidXNlciJdLCJlbWFpbCI6IkFkYUBFeGFtcGxlLm9yZyIsImVtYWlsX3Zlcmlma",
        "WVkIjpmYWxzZSwiYXV0aF90aW1lIjoxNjk5OTk5OTQwLCJhbXIiOlsicHdkIl19.W_MS27n68xbt9Lo9RNQKDGjc",
        "kH2G15fVmQLw-1dymrhPCoyv-1ehxxzvXJnJeh7xUWiZVNLOc-IXvj1qe3pFAw",
    );
    assert_eq!(token.expose(), expected);
}
