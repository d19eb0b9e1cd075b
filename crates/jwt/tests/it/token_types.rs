//! Tokens of several types, signed by one signer with one key.

use doorward_domain::token::{AccessTokenSigner, AccessTokenVerifier};
use doorward_jwt::{Algorithm, Signer, TokenType, Verifier};
use serde_json::{Value, json};

use crate::common::{LEEWAY, NOW, TestKeys, claims, claims_json, decode, parties};

const ID: TokenType = TokenType::new("JWT");
const LOGOUT: TokenType = TokenType::new("logout+jwt");
const TYPES: [TokenType; 3] = [TokenType::ACCESS, ID, LOGOUT];

const WRONG_TYPE: &str = "wrong token type";

fn signer_and_verifier() -> (Signer, Verifier) {
    let keys = TestKeys::new(Algorithm::EdDsa, 1);
    let signer = Signer::new(keys.clone(), parties());
    (signer, Verifier::new(keys, parties(), LEEWAY))
}

#[test]
fn a_signer_signs_every_type_with_the_same_key() {
    let (signer, _) = signer_and_verifier();
    let access = signer.sign(&claims()).unwrap();
    let (access_header, _) = decode(access.expose());
    for token_type in TYPES {
        let payload = json!({"sub": "ada", "nonce": "n"});
        let token = signer.sign_claims(token_type, NOW, &payload).unwrap();
        let (header, payload_of_token) = decode(&token);
        assert_eq!(header["typ"], token_type.as_str());
        assert_eq!(header["kid"], access_header["kid"]);
        assert_eq!(payload_of_token, payload);
    }
}

#[test]
fn a_token_verifies_as_its_own_type_only() {
    let (signer, verifier) = signer_and_verifier();
    for signed in TYPES {
        let token = signer.sign_claims(signed, NOW, &claims_json()).unwrap();
        for expected in TYPES {
            let payload = verifier.verify_signature(&token, expected);
            if signed == expected {
                let payload: Value = serde_json::from_slice(&payload.unwrap()).unwrap();
                assert_eq!(payload, claims_json());
            } else {
                assert_eq!(
                    payload.unwrap_err().reason,
                    WRONG_TYPE,
                    "{signed:?} as {expected:?}"
                );
            }
        }
    }
}

#[test]
fn the_claims_of_an_access_token_in_another_type_are_not_an_access_token() {
    let (signer, verifier) = signer_and_verifier();
    let verifier = verifier.with_cache(8);
    for token_type in [ID, LOGOUT] {
        let token = signer.sign_claims(token_type, NOW, &claims_json()).unwrap();
        assert!(verifier.verify_signature(&token, token_type).is_ok());
        assert_eq!(verifier.verify(&token, NOW).unwrap_err().reason, WRONG_TYPE);
    }
    let token = signer
        .sign_claims(TokenType::ACCESS, NOW, &claims_json())
        .unwrap();
    assert_eq!(verifier.verify(&token, NOW), Ok(claims()));
    assert_eq!(
        verifier.verify_signature(&token, LOGOUT).unwrap_err().reason,
        WRONG_TYPE
    );
}

#[test]
fn a_token_with_any_other_signature_does_not_verify_as_any_type() {
    let (signer, verifier) = signer_and_verifier();
    let other = TestKeys::new(Algorithm::EdDsa, 2);
    let stranger = Signer::new(other, parties());
    for token_type in TYPES {
        let unknown = stranger.sign_claims(token_type, NOW, &claims_json()).unwrap();
        let reason = verifier
            .verify_signature(&unknown, token_type)
            .unwrap_err()
            .reason;
        assert_eq!(reason, "unknown kid");
        let own = signer.sign_claims(token_type, NOW, &claims_json()).unwrap();
        let (parts, _) = own.rsplit_once('.').unwrap();
        let (_, signature) = unknown.rsplit_once('.').unwrap();
        let mixed = format!("{parts}.{signature}");
        let reason = verifier.verify_signature(&mixed, token_type).unwrap_err().reason;
        assert_eq!(reason, "invalid signature");
    }
}
