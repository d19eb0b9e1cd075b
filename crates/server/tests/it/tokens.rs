//! Access tokens that are not what they should be.

use std::net::TcpListener;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::time::Timestamp;
use doorward_domain::token::AccessTokenVerifier;
use doorward_jwt::{IssuerAndAudience, Verifier};
use serde_json::{Value, json};

use crate::backing::{Backing, on_both};
use crate::client::Client;
use crate::people::{Person, refresh, text};
use crate::service::Service;
use crate::shapes::{changed, decode, encode};

on_both!(
    a_token_is_verified_with_the_published_keys,
    a_token_nobody_signed_is_refused,
    a_token_that_was_tampered_with_is_refused,
    one_kind_of_token_is_not_the_other,
    a_header_that_is_no_bearer_token_is_told_so,
);

/// An administrator's token, and what forgers make of it.
struct Specimen {
    admin: Person,
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
            self.client.bearing(token).get(path).problem(401, "invalid-token");
        }
    }

    /// Has all the ways to leave the signature out refused, and the real one over other contents.
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

fn a_token_is_verified_with_the_published_keys(backing: &Backing) {
    let service = Service::on(backing);
    let answer = service.client().get("/.well-known/jwks.json");
    assert_eq!(
        answer.is(200).header("content-type"),
        Some("application/jwk-set+json")
    );
    assert!(
        answer
            .header("cache-control")
            .unwrap()
            .starts_with("public, max-age=")
    );
    let keys = answer.body();
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
    let grace = service.person("grace");
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
    let verifier = Verifier::from_key_set(answer.text(), parties, std::time::Duration::from_secs(5)).unwrap();
    let issued = Timestamp::from_unix_seconds(claims["iat"].as_i64().unwrap());
    let found = verifier.verify(&grace.access(), issued).unwrap();
    assert_eq!(found.subject.to_string(), grace.id);
}

fn a_token_nobody_signed_is_refused(backing: &Backing) {
    let service = Service::on(backing);
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

    // The public key is no secret to sign with.
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

    // What the token says about its own verification is not followed.
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
    assert!(listener.accept().is_err(), "a connection went out");
    specimen.admin.client().get("/v1/users").ok(200);
}

fn a_token_that_was_tampered_with_is_refused(backing: &Backing) {
    let service = Service::on(backing);
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
    // The last character has two bits to spare: what only differs there is another text, not another spelling.
    let other_spellings = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars();
    let stem = &token[..token.len() - 1];
    let accepted = other_spellings
        .map(|last| {
            specimen
                .client
                .bearing(&format!("{stem}{last}"))
                .get("/v1/auth/me")
                .status
        })
        .filter(|status| *status == 200)
        .count();
    assert_eq!(accepted, 1);
}

fn one_kind_of_token_is_not_the_other(backing: &Backing) {
    let service = Service::on(backing);
    let grace = service.person("grace");
    service
        .client()
        .bearing(&grace.refresh_token())
        .get("/v1/auth/me")
        .problem(401, "invalid-token");
    refresh(&service.client(), &grace.access()).problem(401, "invalid-refresh-token");
    service
        .client()
        .bearing(&grace.session())
        .get("/v1/auth/me")
        .problem(401, "invalid-token");
    refresh(&service.client(), &grace.session()).problem(401, "invalid-refresh-token");
    grace.client().get("/v1/auth/me").ok(200);
    grace.try_refresh().ok(200);
}

fn a_header_that_is_no_bearer_token_is_told_so(backing: &Backing) {
    let service = Service::on(backing);
    let token = service.person("grace").access();
    let ask = |header: &str| service.client().with("authorization", header).get("/v1/auth/me");
    service.client().get("/v1/auth/me").problem(401, "missing-token");
    for header in ["Basic YTpi", "Digest x=y", "DPoP abc"] {
        ask(header).problem(401, "missing-token");
    }
    for header in ["", "Bearer", "Bearer ", "Bearer a b", "Bearer \"a\"", &token] {
        let answer = ask(header);
        answer.problem(400, "malformed-request");
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer error=\"invalid_request\"")
        );
    }
    ask(&format!("bearer {token}")).ok(200);
    ask(&format!("BEARER  {token}")).ok(200);
    let doubled = service
        .client()
        .bearing(&token)
        .with("authorization", &format!("Bearer {token}"));
    doubled.get("/v1/auth/me").problem(400, "malformed-request");
    // Nowhere else is a token looked for.
    let path = format!("/v1/auth/me?access_token={token}");
    service.client().get(&path).problem(401, "missing-token");
    let cookie = service.client().with("cookie", &format!("access_token={token}"));
    cookie.get("/v1/auth/me").problem(401, "missing-token");
}
