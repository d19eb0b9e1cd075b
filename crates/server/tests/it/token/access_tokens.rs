//! Verification of access tokens: published keys, forged and malformed tokens.

use std::net::TcpListener;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::time::Timestamp;
use doorward_domain::token::AccessTokenVerifier;
use doorward_jwt::{IssuerAndAudience, Verifier};
use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::database::{Database, on_both_databases};
use crate::harness::response_schema::{changed, decode, encode};
use crate::harness::service::Service;
use crate::harness::users::{TestUser, refresh, text};

on_both_databases!(
    an_access_token_verifies_with_the_published_keys,
    a_token_without_a_valid_signature_is_rejected,
    a_tampered_token_is_rejected,
    access_and_refresh_tokens_are_not_interchangeable,
    an_invalid_authorization_header_is_rejected,
);

/// A valid token of an administrator, taken apart.
struct Specimen {
    admin: TestUser,
    client: Client,
    header: Value,
    claims: Value,
    signature: Vec<u8>,
}

impl Specimen {
    fn of(service: &Service) -> Self {
        let admin = service.admin();
        let token = admin.access();
        let (header, claims) = decode(&token);
        let signature = URL_SAFE_NO_PAD.decode(token.rsplit('.').next().unwrap()).unwrap();
        let client = service.client();
        Self {
            admin,
            client,
            header,
            claims,
            signature,
        }
    }

    fn refuse(&self, token: &str) {
        for path in ["/v1/auth/me", "/v1/account", "/v1/users"] {
            self.client
                .with_token(token)
                .get(path)
                .problem(401, "invalid-token");
        }
    }

    /// Asserts that missing signatures are rejected, and the original signature over other contents.
    fn refuse_forged(&self, header: &str, claims: &str) {
        let unsigned = encode(header, claims, b"");
        self.refuse(&unsigned);
        self.refuse(unsigned.trim_end_matches('.'));
        self.refuse(&encode(header, claims, &self.signature));
        self.refuse(&encode(header, claims, &[0; 64]));
    }

    fn with_header(&self, changes: &Value) {
        let header = changed(&self.header, changes).to_string();
        self.refuse_forged(&header, &self.claims.to_string());
    }
}

fn an_access_token_verifies_with_the_published_keys(database: &Database) {
    let service = Service::on(database);
    let response = service.client().get("/.well-known/jwks.json");
    assert_eq!(
        response.is(200).header("content-type"),
        Some("application/jwk-set+json")
    );
    assert!(
        response
            .header("cache-control")
            .unwrap()
            .starts_with("public, max-age=")
    );
    let keys = response.body();
    for key in keys["keys"].as_array().unwrap() {
        for (name, value) in [
            ("kty", "OKP"),
            ("crv", "Ed25519"),
            ("alg", "EdDSA"),
            ("use", "sig"),
        ] {
            assert_eq!(key[name], value, "{keys}");
        }
        assert!(key.get("d").is_none());
    }
    let grace = service.new_user("grace");
    let (header, claims) = decode(&grace.access());
    assert!(
        keys["keys"]
            .as_array()
            .unwrap()
            .iter()
            .any(|key| key["kid"] == header["kid"])
    );
    let parties = IssuerAndAudience {
        issuer: "http://localhost:8080".into(),
        audience: "doorward".into(),
    };
    let verifier =
        Verifier::from_key_set(response.text(), parties, std::time::Duration::from_secs(5)).unwrap();
    let issued = Timestamp::from_unix_seconds(claims["iat"].as_i64().unwrap());
    let found = verifier.verify(&grace.access(), issued).unwrap();
    assert_eq!(found.subject.to_string(), grace.id);
}

fn a_token_without_a_valid_signature_is_rejected(database: &Database) {
    let service = Service::on(database);
    let specimen = Specimen::of(&service);
    let claims = specimen.claims.to_string();
    for alg in ["none", "None", "NONE", "nOnE", " none", "none\u{0}", "", "null"] {
        specimen.with_header(&json!({"alg": alg}));
        specimen.with_header(&json!({"alg": alg, "kid": null}));
    }
    specimen.with_header(&json!({"alg": null}));
    for header in [
        "{\"alg\":\"none\"}",
        "{\"alg\":null}",
        "{\"alg\":[\"none\"]}",
        "{}",
        "[]",
        "",
        "null",
        "{\"alg\":\"EdDSA\",\"alg\":\"none\"}",
    ] {
        specimen.refuse_forged(header, &claims);
    }

    // The public key must not be usable as an HMAC secret.
    let keys = service.client().get("/.well-known/jwks.json");
    let key = &keys.body()["keys"][0];
    let public = URL_SAFE_NO_PAD.decode(text(&key["x"])).unwrap();
    let header = changed(&specimen.header, &json!({"alg": "HS256"})).to_string();
    for secret in [
        keys.text().as_bytes(),
        key.to_string().as_bytes(),
        text(&key["x"]).as_bytes(),
        &public,
        b"",
    ] {
        let unsigned = encode(&header, &claims, b"");
        let signed = unsigned.trim_end_matches('.');
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = hmac::sign(&secret, signed.as_bytes());
        specimen.refuse(&encode(&header, &claims, tag.as_ref()));
    }

    // Headers that point to keys are not followed.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let trap = format!("http://{}/keys.json", listener.local_addr().unwrap());
    for extra in [
        json!({"jku": trap}),
        json!({"x5u": trap}),
        json!({"kid": trap}),
        json!({"jku": trap, "kid": "theirs"}),
        json!({"jwk": key}),
        json!({"x5c": ["AAAA"]}),
        json!({"crit": ["exp"]}),
        json!({"crit": []}),
        json!({"b64": false, "crit": ["b64"]}),
        json!({"zip": "DEF"}),
        json!({"cty": "JWT"}),
        json!({"typ": "JWT"}),
        json!({"typ": null}),
        json!({"alg": "ES256"}),
        json!({"alg": "RS256"}),
        json!({"kid": null}),
        json!({"kid": ""}),
        json!({"kid": 0}),
        json!({"kid": "../../../../dev/null"}),
        json!({"kid": "/etc/passwd"}),
        json!({"kid": "file:///dev/null"}),
        json!({"kid": "x' UNION SELECT 'AAAA'; --"}),
        json!({"kid": "' OR '1'='1"}),
        json!({"kid": "a\u{0}b"}),
        json!({"kid": "k".repeat(5000)}),
    ] {
        specimen.with_header(&extra);
    }
    assert!(listener.accept().is_err(), "the server opened a connection");
    specimen.admin.client().get("/v1/users").ok(200);
}

fn a_tampered_token_is_rejected(database: &Database) {
    let service = Service::on(database);
    let specimen = Specimen::of(&service);
    let header = specimen.header.to_string();
    let later = specimen.claims["exp"].as_i64().unwrap() + 3600;
    for tampering in [
        json!({"roles": ["admin", "user", "x"]}),
        json!({"sub": "00000000-0000-7000-8000-000000000000"}),
        json!({"exp": later}),
        json!({"exp": later.to_string()}),
        json!({"exp": 1e300}),
        json!({"exp": 4_102_444_800.5}),
        json!({"exp": -1}),
        json!({"exp": null}),
        json!({"exp": [later]}),
        json!({"iat": null}),
        json!({"nbf": later}),
        json!({"aud": "other"}),
        json!({"aud": ["doorward", "other"]}),
        json!({"aud": null}),
        json!({"iss": "http://other.example"}),
        json!({"iss": null}),
        json!({"ver": 99}),
        json!({"sid": null}),
        json!({"jti": null}),
    ] {
        specimen.refuse_forged(&header, &changed(&specimen.claims, &tampering).to_string());
    }
    for claims in ["", "{}", "[]", "null", "{\"exp\":1e400}", &"[".repeat(5000)] {
        specimen.refuse_forged(&header, claims);
    }

    let token = specimen.admin.access();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    for broken in [
        format!("{signed}.{signature}="),
        format!("{signed}.{signature}A"),
        format!("{signed}.{}", &signature[1..]),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{signed}..{signature}"),
        token.replace('.', "-"),
        token.to_uppercase(),
        format!("{token}{token}"),
        "A".repeat(20_000),
        ".".into(),
        "..".into(),
        "dw".into(),
    ] {
        specimen.refuse(&broken);
    }
    // The last character of the encoding has two unused bits: only one spelling is accepted.
    let other_spellings = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars();
    let stem = &token[..token.len() - 1];
    let accepted = other_spellings
        .map(|last| {
            specimen
                .client
                .with_token(&format!("{stem}{last}"))
                .get("/v1/auth/me")
                .status
        })
        .filter(|status| *status == 200)
        .count();
    assert_eq!(accepted, 1);
}

fn access_and_refresh_tokens_are_not_interchangeable(database: &Database) {
    let service = Service::on(database);
    let grace = service.new_user("grace");
    service
        .client()
        .with_token(&grace.refresh_token())
        .get("/v1/auth/me")
        .problem(401, "invalid-token");
    refresh(&service.client(), &grace.access()).problem(401, "invalid-refresh-token");
    service
        .client()
        .with_token(&grace.session())
        .get("/v1/auth/me")
        .problem(401, "invalid-token");
    refresh(&service.client(), &grace.session()).problem(401, "invalid-refresh-token");
    grace.client().get("/v1/auth/me").ok(200);
    grace.try_refresh().ok(200);
}

fn an_invalid_authorization_header_is_rejected(database: &Database) {
    let service = Service::on(database);
    let token = service.new_user("grace").access();
    let ask = |header: &str| {
        service
            .client()
            .with_header("authorization", header)
            .get("/v1/auth/me")
    };
    service.client().get("/v1/auth/me").problem(401, "missing-token");
    for header in ["Basic YTpi", "Digest x=y", "DPoP abc"] {
        ask(header).problem(401, "missing-token");
    }
    for header in ["", "Bearer", "Bearer ", "Bearer a b", "Bearer \"a\"", &token] {
        let response = ask(header);
        response.problem(400, "malformed-request");
        assert_eq!(
            response.header("www-authenticate"),
            Some("Bearer error=\"invalid_request\"")
        );
    }
    ask(&format!("bearer {token}")).ok(200);
    ask(&format!("BEARER  {token}")).ok(200);
    let doubled = service
        .client()
        .with_token(&token)
        .with_header("authorization", &format!("Bearer {token}"));
    doubled.get("/v1/auth/me").problem(400, "malformed-request");
    // Tokens in the query or in a cookie are ignored.
    let path = format!("/v1/auth/me?access_token={token}");
    service.client().get(&path).problem(401, "missing-token");
    let cookie = service
        .client()
        .with_header("cookie", &format!("access_token={token}"));
    cookie.get("/v1/auth/me").problem(401, "missing-token");
}
