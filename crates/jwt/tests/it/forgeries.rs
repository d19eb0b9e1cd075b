//! Access tokens that are wrong in format, header or signature. All but the unsigned ones have a valid signature of a known
//! key, so that each is rejected for the reason under test.

use crate::common::{
    LEEWAY, NOW, TestIssuer, TestKeys, assert_rejected, claims, claims_json, parties, with, without,
};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use doorward_domain::token::{AccessTokenSigner, AccessTokenVerifier};
use doorward_jwt::{Algorithm, Signer, Verifier};
use doorward_testkit::sample;
use serde_json::{Value, json};

const BAD_HEADER: &str = "a member of the header is missing, duplicated, unknown or of the wrong type";
const WRONG_ALGORITHM: &str = "wrong algorithm for the key";

#[test]
fn a_well_formed_token_of_the_test_issuer_is_accepted() {
    let issuer = TestIssuer::new();
    let token = issuer.sign(&TestIssuer::header().to_string(), &claims_json().to_string());
    assert_eq!(issuer.verifier.verify(&token, NOW), Ok(claims()));
}

#[test]
fn only_the_algorithm_of_the_key_is_accepted() {
    let issuer = TestIssuer::new();
    let payload = claims_json().to_string();
    for alg in [
        "none", "None", "NONE", "nOnE", "none ", "", "null", "HS256", "HS384", "HS512", "RS256", "PS256",
        "ES256", "ES384", "eddsa", "EDDSA", "Ed25519", "EdDSA ", "EdDSA\0",
    ] {
        let header = with(TestIssuer::header(), "alg", json!(alg));
        assert_rejected(&issuer, &issuer.sign(&header, &payload), WRONG_ALGORITHM);
        let unsigned = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(&header),
            URL_SAFE_NO_PAD.encode(&payload)
        );
        assert_rejected(&issuer, &unsigned, WRONG_ALGORITHM);
    }
    for alg in [Value::Null, json!(["EdDSA"]), json!(0), json!({"EdDSA": true})] {
        assert_rejected(
            &issuer,
            &issuer.sign(&with(TestIssuer::header(), "alg", alg), &payload),
            BAD_HEADER,
        );
    }
    // The right algorithm and no signature, or an empty header.
    let unsigned = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(TestIssuer::header().to_string()),
        URL_SAFE_NO_PAD.encode(&payload)
    );
    assert_rejected(&issuer, &unsigned, "invalid signature");
    assert_rejected(&issuer, &issuer.sign("{}", &payload), BAD_HEADER);
}

#[test]
fn a_public_key_does_not_work_as_an_hmac_secret() {
    let issuer = TestIssuer::new();
    let public = issuer.public_key();
    let der = [
        &[
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
        ][..],
        public,
    ]
    .concat();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(&der)
    );
    let x = URL_SAFE_NO_PAD.encode(public);
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": TestIssuer::KID}).to_string();
    let secrets = [
        public.to_vec(),
        der,
        pem.trim_end().as_bytes().to_vec(),
        pem.into_bytes(),
        format!("{{\"keys\":[{jwk}]}}").into_bytes(),
        jwk.into_bytes(),
        x.into_bytes(),
        TestIssuer::KID.as_bytes().to_vec(),
        Vec::new(),
    ];
    for secret in secrets {
        for (alg, algorithm) in [
            ("HS256", hmac::HMAC_SHA256),
            ("HS384", hmac::HMAC_SHA384),
            ("HS512", hmac::HMAC_SHA512),
            ("EdDSA", hmac::HMAC_SHA512),
        ] {
            let header = URL_SAFE_NO_PAD.encode(with(TestIssuer::header(), "alg", json!(alg)));
            let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims_json().to_string()));
            let tag = hmac::sign(&hmac::Key::new(algorithm, &secret), message.as_bytes());
            let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
            assert!(issuer.verifier.verify(&token, NOW).is_err(), "{alg}");
        }
    }
}

#[test]
fn a_kid_that_is_not_in_the_key_set_is_rejected() {
    let issuer = TestIssuer::new();
    let payload = claims_json().to_string();
    for kid in [
        "",
        "/dev/null",
        "../../../../etc/passwd",
        "issuer-key' OR '1'='1",
        "issuer-key'; DROP TABLE keys;--",
        "https://evil.example/jwks",
        "file:///etc/passwd",
        "Issuer-key",
        "issuer-key ",
        "issuer-key\0",
        "issuer-key\n",
        "0",
        "*",
        "%",
        &"f".repeat(4000),
    ] {
        let token = issuer.sign(&with(TestIssuer::header(), "kid", json!(kid)), &payload);
        assert_rejected(&issuer, &token, "unknown kid");
    }
    for kid in [
        Value::Null,
        json!(0),
        json!(["issuer-key"]),
        json!({"kid": "issuer-key"}),
    ] {
        assert_rejected(
            &issuer,
            &issuer.sign(&with(TestIssuer::header(), "kid", kid), &payload),
            BAD_HEADER,
        );
    }
    assert_rejected(
        &issuer,
        &issuer.sign(&without(TestIssuer::header(), "kid"), &payload),
        BAD_HEADER,
    );
}

#[test]
fn a_header_with_any_other_member_is_rejected() {
    let issuer = TestIssuer::new();
    let payload = claims_json().to_string();
    for (member, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        (
            "jwk",
            json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(issuer.public_key())}),
        ),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("abc")),
        ("x5t#S256", json!("abc")),
        ("b64", json!(false)),
        ("cty", json!("JWT")),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
        ("Alg", json!("none")),
        ("ALG", json!("none")),
        ("nonce", json!("1")),
        ("", json!("")),
    ] {
        assert_rejected(
            &issuer,
            &issuer.sign(&with(TestIssuer::header(), member, value), &payload),
            BAD_HEADER,
        );
    }
    for header in [
        r#"{"typ":"at+jwt","alg":"EdDSA","alg":"none","kid":"issuer-key"}"#,
        r#"{"typ":"at+jwt","alg":"none","alg":"EdDSA","kid":"issuer-key"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"issuer-key","kid":"issuer-key"}"#,
        r#"{"typ":"at+jwt","typ":"at+jwt","alg":"EdDSA","kid":"issuer-key"}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"issuer-key"}{}"#,
        r#"{"typ":"at+jwt","alg":"EdDSA","kid":"issuer-key",}"#,
        r"{'typ':'at+jwt','alg':'EdDSA','kid':'issuer-key'}",
    ] {
        assert_rejected(&issuer, &issuer.sign(header, &payload), BAD_HEADER);
    }
    for header in [
        "",
        "null",
        r#"["at+jwt","EdDSA","issuer-key"]"#,
        r#""at+jwt""#,
        " {}",
    ] {
        assert_rejected(
            &issuer,
            &issuer.sign(header, &payload),
            "the header is not an object",
        );
    }
}

#[test]
fn a_token_of_another_type_is_rejected() {
    let issuer = TestIssuer::new();
    let payload = claims_json().to_string();
    for typ in [
        "at+jwt",
        "AT+JWT",
        "At+Jwt",
        "application/at+jwt",
        "Application/AT+jwt",
    ] {
        let token = issuer.sign(&with(TestIssuer::header(), "typ", json!(typ)), &payload);
        assert!(issuer.verifier.verify(&token, NOW).is_ok(), "{typ}");
    }
    for typ in [
        "",
        "JWT",
        "jwt",
        "at",
        "at+jwt ",
        " at+jwt",
        "id+jwt",
        "logout+jwt",
        "application/jwt",
        "application/",
        "text/at+jwt",
        "application/application/at+jwt",
        "application/at+jwt;x=y",
        "\u{131}t+jwt",
        "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}at+jwt",
    ] {
        let token = issuer.sign(&with(TestIssuer::header(), "typ", json!(typ)), &payload);
        assert_rejected(&issuer, &token, "wrong token type");
    }
    assert_rejected(
        &issuer,
        &issuer.sign(&without(TestIssuer::header(), "typ"), &payload),
        BAD_HEADER,
    );
}

#[test]
fn a_token_that_is_not_a_strict_compact_jws_is_rejected() {
    let issuer = TestIssuer::new();
    let (header, payload) = (TestIssuer::header().to_string(), claims_json().to_string());
    let token = issuer.sign(&header, &payload);
    let [one, two, three] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("not three parts")
    };
    for text in ["", "token", one, &format!("{one}.{two}").replace('.', "")] {
        assert_rejected(&issuer, text, "the token does not have three parts");
    }
    assert_rejected(
        &issuer,
        &format!("{one}{two}.{three}"),
        "the token does not have three parts",
    );
    for text in [
        format!("{one}.{two}.{three}.{three}"),
        format!("{one}.{two}.{three}."),
        format!(".{one}.{two}.{three}"),
        format!("{one}.{two}.{three}="),
        format!("{one}.{two}.{three}=="),
        format!(" {one}.{two}.{three}"),
        format!("{one}.{two}.{three}\n"),
        format!("{one}.{two} .{three}"),
        format!("{one}.{two}.{three}\0"),
    ] {
        assert_rejected(&issuer, &text, "a part of the token is not base64url");
    }
    // 64 bytes leave four bits of the last character unused.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.find(&token[token.len() - 1..]).unwrap();
    for stray in 1..16 {
        let other = format!(
            "{}{}",
            &token[..token.len() - 1],
            &alphabet[last + stray..=last + stray]
        );
        assert_rejected(&issuer, &other, "a part of the token is not base64url");
    }
    // Padded, or in the other alphabet, and signed in that form.
    let padded = issuer.sign_encoded(&URL_SAFE.encode(header.clone() + " "), &URL_SAFE.encode(&payload));
    assert_rejected(&issuer, &padded, "a part of the token is not base64url");
    let question = with(claims_json(), "x", json!("???>>>"));
    let standard = STANDARD.encode(&question).trim_end_matches('=').to_owned();
    assert!(standard.contains(['+', '/']));
    let other = issuer.sign_encoded(&URL_SAFE_NO_PAD.encode(&header), &standard);
    assert_rejected(&issuer, &other, "a part of the token is not base64url");
    // The serialisations of RFC 7515 that are not compact.
    let flattened = json!({"protected": one, "payload": two, "signature": three}).to_string();
    assert_rejected(&issuer, &flattened, "the token does not have three parts");
}

#[test]
fn a_token_longer_than_the_limit_is_rejected() {
    let issuer = TestIssuer::new();
    let header = TestIssuer::header().to_string();
    let padded = |length| with(claims_json(), "padding", json!("x".repeat(length)));
    assert!(
        issuer
            .verifier
            .verify(&issuer.sign(&header, &padded(5000)), NOW)
            .is_ok()
    );
    assert_rejected(
        &issuer,
        &issuer.sign(&header, &padded(6000)),
        "the token is too long",
    );
    assert_rejected(&issuer, &"a.b.c".repeat(1_000_000), "the token is too long");
    assert_rejected(&issuer, &".".repeat(8192), "a part of the token is not base64url");
}

#[test]
fn the_longest_possible_token_is_within_the_limit() {
    let keys = TestKeys::new(Algorithm::EdDsa, 1);
    let roles: Vec<String> = (0..32).map(|n| format!("{n:a>32}")).collect();
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    let mut longest = claims();
    longest.roles = sample::roles(&roles);
    longest.email = Some("é".repeat(127));
    let token = Signer::new(keys.clone(), parties()).sign(&longest).unwrap();
    assert!(token.expose().len() < 4096, "{}", token.expose().len());
    assert_eq!(
        Verifier::new(keys, parties(), LEEWAY).verify(token.expose(), NOW),
        Ok(longest)
    );
}

#[test]
fn a_key_of_one_algorithm_does_not_verify_another() {
    let edwards = TestKeys::new(Algorithm::EdDsa, 1);
    let nist = TestKeys::new(Algorithm::Es256, 2);
    let kid = |keys: &TestKeys| {
        let set: Value = serde_json::from_str(&keys.key_set()).unwrap();
        set["keys"][0]["kid"].as_str().unwrap().to_owned()
    };
    let token = Signer::new(edwards.clone(), parties()).sign(&claims()).unwrap();
    let verifier = Verifier::new(nist.clone(), parties(), LEEWAY);
    let (mut header, _) = crate::common::decode(token.expose());
    header["kid"] = json!(kid(&nist));
    let (_, rest) = token.expose().split_once('.').unwrap();
    let renamed = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()));
    assert_eq!(
        verifier.verify(&renamed, NOW).unwrap_err().reason,
        WRONG_ALGORITHM
    );
    header["alg"] = json!("ES256");
    let relabelled = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()));
    assert_eq!(
        verifier.verify(&relabelled, NOW).unwrap_err().reason,
        "invalid signature"
    );
}
