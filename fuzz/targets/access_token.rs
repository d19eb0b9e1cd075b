//! Access tokens that nobody signed; and, to get past the signature, claims of any kind that were signed all the same.
#![no_main]

use core::time::Duration;
use std::sync::LazyLock;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::time::Timestamp;
use doorward_domain::token::AccessTokenVerifier;
use doorward_jwt::{IssuerAndAudience, Verifier};
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);
const LEEWAY: Duration = Duration::from_secs(5);
const HEADER: &str = r#"{"typ":"at+jwt","alg":"EdDSA","kid":"fuzz"}"#;

static KEY: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key of a seed"));

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let x = URL_SAFE_NO_PAD.encode(KEY.public_key());
    let keys = format!(
        r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"fuzz","alg":"EdDSA","use":"sig"}}]}}"#
    );
    let parties = IssuerAndAudience {
        issuer: "http://localhost:8080".to_owned(),
        audience: "doorward".to_owned(),
    };
    Verifier::from_key_set(&keys, parties, LEEWAY).expect("a key set of one key")
});

fuzz_target!(|input: &[u8]| {
    // The first byte says whether the rest is a token or claims.
    let Some((first, rest)) = input.split_first() else {
        return;
    };
    if *first == b't' {
        if let Ok(token) = str::from_utf8(rest) {
            assert!(VERIFIER.verify(token, NOW).is_err(), "nobody signed this");
        }
        return;
    }
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(HEADER),
        URL_SAFE_NO_PAD.encode(rest)
    );
    let signature = URL_SAFE_NO_PAD.encode(KEY.sign(signed.as_bytes()));
    if let Ok(claims) = VERIFIER.verify(&format!("{signed}.{signature}"), NOW) {
        assert!(claims.expires_at + LEEWAY >= NOW);
        assert!(claims.issued_at <= NOW + LEEWAY);
    }
});
