//! A verifier that remembers what it has verified: it says what one that forgets says.

use core::time::Duration;
use std::sync::Arc;

use doorward_domain::key::KeyPurpose;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreError;
use doorward_domain::token::{AccessTokenSigner, AccessTokenVerifier, TokenRejected};
use doorward_jwt::{Algorithm, KeyRing, Signer, Verifier};
use doorward_testkit::{MemoryStore, SeededEntropy};
use proptest::prelude::*;

use crate::common::{LEEWAY, NOW, claims, master, parties, ring, rules};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_remembered_token_lasts_no_longer() {
    let ring = ring(Algorithm::EdDsa, 1);
    let token = Signer::new(Arc::clone(&ring), parties()).sign(&claims()).unwrap();
    let verifier = Verifier::new(ring, parties(), LEEWAY).remembering(8);
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
fn a_remembered_token_is_refused_once_its_key_is_gone() {
    let store = MemoryStore::new();
    let entropy = SeededEntropy::new(1);
    let ring = KeyRing::open(&store, &master(1).into(), rules(Algorithm::EdDsa), NOW, &entropy).unwrap();
    let ring = Arc::new(ring);
    let token = Signer::new(Arc::clone(&ring), parties()).sign(&claims()).unwrap();
    let verifier = Verifier::new(Arc::clone(&ring), parties(), LEEWAY).remembering(8);
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
    let reason = "no key has that kid";
    assert_eq!(
        verifier.verify(token.expose(), NOW),
        Err(TokenRejected { reason })
    );
}

#[test]
fn more_tokens_than_are_remembered_are_verified_all_the_same() {
    let ring = ring(Algorithm::EdDsa, 1);
    let signer = Signer::new(Arc::clone(&ring), parties());
    let verifier = Verifier::new(ring, parties(), LEEWAY).remembering(4);
    let tokens: Vec<_> = (0..40)
        .map(|seconds| {
            let mut claims = claims();
            claims.authenticated_at = claims.authenticated_at - seconds * SECOND;
            (signer.sign(&claims).unwrap(), claims)
        })
        .collect();
    for (token, claims) in tokens.iter().chain(&tokens) {
        assert_eq!(verifier.verify(token.expose(), NOW).as_ref(), Ok(claims));
    }
}

proptest! {
    #[test]
    fn nothing_but_the_remembered_token_itself_is_accepted(position in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f) {
        let ring = ring(Algorithm::EdDsa, 1);
        let token = Signer::new(Arc::clone(&ring), parties()).sign(&claims()).unwrap();
        let verifier = Verifier::new(ring, parties(), LEEWAY).remembering(8);
        prop_assert!(verifier.verify(token.expose(), NOW).is_ok());
        let mut bytes = token.expose().as_bytes().to_vec();
        let position = position.index(bytes.len());
        prop_assume!(bytes[position] != byte);
        bytes[position] = byte;
        prop_assert!(verifier.verify(&String::from_utf8(bytes).unwrap(), NOW).is_err());
        prop_assert!(verifier.verify(token.expose(), NOW).is_ok());
    }
}
