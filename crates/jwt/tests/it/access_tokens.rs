//! Valid access tokens: signed, published, verified.

use core::time::Duration;
use std::sync::Arc;

use crate::common::{LEEWAY, NOW, TestKeys, claims, claims_json, decode, parties};
use doorward_domain::session::{Authentication, AuthenticationMethods};
use doorward_domain::token::AccessClaims;
use doorward_domain::token::{AccessTokenSigner, AccessTokenVerifier};
use doorward_jwt::{Algorithm, IssuerAndAudience, Signer, TokenType, Verifier};
use doorward_testkit::sample;
use jsonwebtoken::{DecodingKey, Validation};
use proptest::prelude::*;
use serde_json::{Value, json};

const BOTH: [Algorithm; 2] = [Algorithm::EdDsa, Algorithm::Es256];

fn reason(verifier: &Verifier, token: &str) -> Option<&'static str> {
    verifier.verify(token, NOW).err().map(|rejected| rejected.reason)
}

#[test]
fn a_token_has_the_header_and_claims_of_rfc_9068() {
    for algorithm in BOTH {
        let keys = TestKeys::new(algorithm, 1);
        let token = Signer::new(Arc::clone(&keys), parties()).sign(&claims()).unwrap();
        let (header, payload) = decode(token.expose());
        let published: Value = serde_json::from_str(&keys.key_set()).unwrap();
        let kid = &published["keys"][0]["kid"];
        assert_eq!(
            header,
            json!({"typ": "at+jwt", "alg": algorithm.as_str(), "kid": kid})
        );
        assert_eq!(payload, claims_json());
    }
}

#[test]
fn a_token_without_an_email_has_no_email_claim() {
    let signer = Signer::new(TestKeys::new(Algorithm::EdDsa, 1), parties());
    let without = AccessClaims {
        email: None,
        email_verified: false,
        ..claims()
    };
    let (_, payload) = decode(signer.sign(&without).unwrap().expose());
    assert_eq!(payload.get("email"), None);
    assert_eq!(payload.get("email_verified"), None);
}

#[test]
fn a_token_says_whether_its_email_is_verified_and_an_older_one_is_not() {
    let keys = TestKeys::new(Algorithm::EdDsa, 1);
    let signer = Signer::new(Arc::clone(&keys), parties());
    let verifier = Verifier::new(keys, parties(), LEEWAY);
    for email_verified in [false, true] {
        let claims = AccessClaims {
            email_verified,
            ..claims()
        };
        let token = signer.sign(&claims).unwrap();
        assert_eq!(decode(token.expose()).1["email_verified"], email_verified);
        assert_eq!(verifier.verify(token.expose(), NOW), Ok(claims));
    }
    // As signed before there was the claim; and a claim about an address that the token does not have.
    for removed in ["email_verified", "email"] {
        let mut payload = claims_json();
        payload["email_verified"] = json!(true);
        payload.as_object_mut().unwrap().remove(removed);
        let token = signer.sign_claims(TokenType::ACCESS, NOW, &payload).unwrap();
        assert!(!verifier.verify(&token, NOW).unwrap().email_verified, "{removed}");
    }
}

#[test]
fn a_token_lists_how_and_when_its_user_authenticated() {
    let keys = TestKeys::new(Algorithm::EdDsa, 1);
    let signer = Signer::new(Arc::clone(&keys), parties());
    let verifier = Verifier::new(keys, parties(), LEEWAY);
    for (words, amr) in [
        ("pwd", json!(["pwd"])),
        ("mfa otp pwd", json!(["pwd", "otp", "mfa"])),
        ("x-newer user mfa pop", json!(["pop", "user", "mfa", "x-newer"])),
    ] {
        let stepped_up = AccessClaims {
            authentication: AuthenticationMethods::parse(words).map(|methods| Authentication {
                methods,
                at: NOW - Duration::from_secs(7),
            }),
            ..claims()
        };
        let token = signer.sign(&stepped_up).unwrap();
        let (_, payload) = decode(token.expose());
        assert_eq!(
            (&payload["amr"], &payload["auth_time"]),
            (&amr, &json!(1_699_999_993))
        );
        assert_eq!(verifier.verify(token.expose(), NOW), Ok(stepped_up));
    }
}

#[test]
fn a_token_of_a_service_is_issued_to_itself_and_authenticates_no_user() {
    let keys = TestKeys::new(Algorithm::EdDsa, 1);
    let signer = Signer::new(Arc::clone(&keys), parties());
    let verifier = Verifier::new(keys, parties(), LEEWAY);
    let service = AccessClaims {
        subject: sample::service(1).into(),
        authentication: None,
        email: None,
        email_verified: false,
        ..claims()
    };
    let token = signer.sign(&service).unwrap();
    let (_, payload) = decode(token.expose());
    assert_eq!(payload["sub"], "service-1");
    assert_eq!(payload["client_id"], "service-1");
    assert_eq!((payload.get("amr"), payload.get("auth_time")), (None, None));
    assert_eq!(verifier.verify(token.expose(), NOW), Ok(service));
}

#[test]
fn a_token_verifies_with_the_keys_and_with_the_published_key_set() {
    for algorithm in BOTH {
        let keys = TestKeys::new(algorithm, 1);
        let token = Signer::new(Arc::clone(&keys), parties()).sign(&claims()).unwrap();
        let own = Verifier::new(Arc::clone(&keys), parties(), LEEWAY);
        let elsewhere = Verifier::from_key_set(&keys.key_set(), parties(), LEEWAY).unwrap();
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
        let keys = TestKeys::new(algorithm, 1);
        let published: Value = serde_json::from_str(&keys.key_set()).unwrap();
        let jwk = published["keys"][0].as_object().unwrap();
        let mut names: Vec<&str> = jwk.keys().map(String::as_str).collect();
        names.sort_unstable();
        // In particular, there is no `d`, the private key.
        assert_eq!(names, members);

        // Read with the types of jsonwebtoken.
        let set: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&keys.key_set()).unwrap();
        let key = DecodingKey::from_jwk(&set.keys[0]).unwrap();
        let mut validation = Validation::new(jsonwebtoken::Algorithm::EdDSA);
        validation.algorithms = vec![algorithm.as_str().parse().unwrap()];
        validation.set_audience(&["doorward"]);
        validation.validate_exp = false;
        let token = Signer::new(Arc::clone(&keys), parties()).sign(&claims()).unwrap();
        let read = jsonwebtoken::decode::<Value>(token.expose(), &key, &validation).unwrap();
        assert_eq!(read.claims, claims_json());
    }
}

#[test]
fn a_token_is_valid_from_issue_to_expiry_within_the_leeway() {
    let keys = TestKeys::new(Algorithm::EdDsa, 1);
    let token = Signer::new(Arc::clone(&keys), parties()).sign(&claims()).unwrap();
    let verifier = Verifier::new(keys, parties(), LEEWAY);
    let second = Duration::from_secs(1);
    let end = NOW + Duration::from_secs(900) + LEEWAY;
    for (now, accepted) in [
        (NOW - LEEWAY - second, false),
        (NOW - LEEWAY, true),
        (end - second, true),
        (end, false),
    ] {
        assert_eq!(verifier.verify(token.expose(), now).is_ok(), accepted, "{now:?}");
    }
}

#[test]
fn a_token_of_another_deployment_is_rejected() {
    let here = TestKeys::new(Algorithm::EdDsa, 1);
    let there = TestKeys::new(Algorithm::EdDsa, 2);
    let verifier = Verifier::new(Arc::clone(&here), parties(), LEEWAY);
    let sign = |ring: &Arc<_>, parties| Signer::new(Arc::clone(ring), parties).sign(&claims()).unwrap();
    let foreign = sign(&there, parties());
    assert_eq!(reason(&verifier, foreign.expose()), Some("unknown kid"));
    for issuer in [
        "https://id.example.org/",
        "http://id.example.org",
        "https://ID.example.org",
        "",
    ] {
        let token = sign(
            &here,
            IssuerAndAudience {
                issuer: issuer.to_owned(),
                ..parties()
            },
        );
        assert_eq!(
            reason(&verifier, token.expose()),
            Some("wrong issuer"),
            "{issuer}"
        );
    }
    for audience in ["Doorward", "doorward ", "billing", ""] {
        let token = sign(
            &here,
            IssuerAndAudience {
                audience: audience.to_owned(),
                ..parties()
            },
        );
        assert_eq!(
            reason(&verifier, token.expose()),
            Some("wrong audience"),
            "{audience}"
        );
    }
}

#[test]
fn the_payload_of_another_token_is_rejected() {
    let keys = TestKeys::new(Algorithm::EdDsa, 1);
    let signer = Signer::new(Arc::clone(&keys), parties());
    let verifier = Verifier::new(keys, parties(), LEEWAY);
    let own = signer.sign(&claims()).unwrap();
    let admin = signer
        .sign(&AccessClaims {
            subject_version: claims().subject_version.next(),
            ..claims()
        })
        .unwrap();
    let [header, _, signature] = own.expose().split('.').collect::<Vec<_>>()[..] else {
        panic!("not three parts")
    };
    let payload = admin.expose().split('.').nth(1).unwrap();
    let mixed = format!("{header}.{payload}.{signature}");
    assert_eq!(reason(&verifier, &mixed), Some("invalid signature"));
}

proptest! {
    #[test]
    fn a_token_with_any_character_changed_is_rejected(position in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f, es256 in any::<bool>()) {
        let keys = TestKeys::new(if es256 { Algorithm::Es256 } else { Algorithm::EdDsa }, 1);
        let token = Signer::new(Arc::clone(&keys), parties()).sign(&claims()).unwrap();
        let mut bytes = token.expose().as_bytes().to_vec();
        let position = position.index(bytes.len());
        prop_assume!(bytes[position] != byte);
        bytes[position] = byte;
        let verifier = Verifier::new(keys, parties(), LEEWAY);
        prop_assert!(verifier.verify(&String::from_utf8(bytes).unwrap(), NOW).is_err());
    }

    #[test]
    fn a_truncated_or_extended_token_is_rejected(cut in any::<prop::sample::Index>(), tail in "[A-Za-z0-9._=-]{1,5}") {
        let keys = TestKeys::new(Algorithm::EdDsa, 1);
        let token = Signer::new(Arc::clone(&keys), parties()).sign(&claims()).unwrap();
        let verifier = Verifier::new(keys, parties(), LEEWAY);
        let cut = &token.expose()[..cut.index(token.expose().len())];
        prop_assert!(verifier.verify(cut, NOW).is_err());
        let longer = format!("{}{tail}", token.expose());
        prop_assert!(verifier.verify(&longer, NOW).is_err());
    }

    #[test]
    fn verifying_never_panics(text in any::<String>(), parts in "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,90}") {
        let verifier = Verifier::new(TestKeys::new(Algorithm::EdDsa, 1), parties(), LEEWAY);
        prop_assert!(verifier.verify(&text, NOW).is_err());
        prop_assert!(verifier.verify(&parts, NOW).is_err());
    }
}
