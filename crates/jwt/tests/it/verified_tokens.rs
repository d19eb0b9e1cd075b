//! A verifier with a cache accepts and rejects the same tokens as one without.

use core::time::Duration;
use std::sync::Arc;

use doorward_domain::session::Authentication;
use doorward_domain::token::{AccessClaims, AccessTokenSigner, AccessTokenVerifier, TokenRejected};
use doorward_jwt::{Algorithm, Signer, Verifier};
use proptest::prelude::*;

use crate::common::{LEEWAY, NOW, TestKeys, claims, parties};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_cached_token_expires_like_any_other() {
    let keys = TestKeys::new(Algorithm::EdDsa, 1);
    let token = Signer::new(Arc::clone(&keys), parties()).sign(&claims()).unwrap();
    let verifier = Verifier::new(keys, parties(), LEEWAY).with_cache(8);
    let end = NOW + Duration::from_secs(900) + LEEWAY;
    for (now, accepted) in [
        (NOW, true),
        (end - SECOND, true),
        (end, false),
        (NOW - LEEWAY, true),
        (NOW - LEEWAY - SECOND, false),
    ] {
        let outcome = verifier.verify(token.expose(), now);
        assert_eq!(outcome.is_ok(), accepted, "{now:?}");
        if let Ok(said) = outcome {
            assert_eq!(said, claims());
        }
    }
}

#[test]
fn a_cached_token_is_rejected_once_its_key_is_removed() {
    let keys = TestKeys::new(Algorithm::EdDsa, 1);
    let token = Signer::new(Arc::clone(&keys), parties()).sign(&claims()).unwrap();
    let verifier = Verifier::new(Arc::clone(&keys), parties(), LEEWAY).with_cache(8);
    assert_eq!(verifier.verify(token.expose(), NOW), Ok(claims()));

    keys.add(Algorithm::EdDsa, 2);
    assert_eq!(verifier.verify(token.expose(), NOW), Ok(claims()));
    keys.remove_first();
    let reason = "unknown kid";
    assert_eq!(
        verifier.verify(token.expose(), NOW),
        Err(TokenRejected { reason })
    );
}

#[test]
fn more_tokens_than_the_cache_holds_are_verified() {
    let keys = TestKeys::new(Algorithm::EdDsa, 1);
    let signer = Signer::new(Arc::clone(&keys), parties());
    let verifier = Verifier::new(keys, parties(), LEEWAY).with_cache(4);
    let tokens: Vec<_> = (0..40)
        .map(|seconds| {
            let authentication = Some(Authentication::by_password(NOW - seconds * SECOND));
            let claims = AccessClaims {
                authentication,
                ..claims()
            };
            (signer.sign(&claims).unwrap(), claims)
        })
        .collect();
    for (token, claims) in tokens.iter().chain(&tokens) {
        assert_eq!(verifier.verify(token.expose(), NOW).as_ref(), Ok(claims));
    }
}

proptest! {
    #[test]
    fn a_cached_token_with_a_changed_character_is_rejected(position in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f) {
        let keys = TestKeys::new(Algorithm::EdDsa, 1);
        let token = Signer::new(Arc::clone(&keys), parties()).sign(&claims()).unwrap();
        let verifier = Verifier::new(keys, parties(), LEEWAY).with_cache(8);
        prop_assert!(verifier.verify(token.expose(), NOW).is_ok());
        let mut bytes = token.expose().as_bytes().to_vec();
        let position = position.index(bytes.len());
        prop_assume!(bytes[position] != byte);
        bytes[position] = byte;
        prop_assert!(verifier.verify(&String::from_utf8(bytes).unwrap(), NOW).is_err());
        prop_assert!(verifier.verify(token.expose(), NOW).is_ok());
    }
}
