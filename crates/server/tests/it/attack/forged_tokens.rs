//! Forged access tokens.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::harness::database::Database;
use crate::harness::response_schema::{changed, decode, encode};
use crate::harness::service::Service;
use crate::harness::users::text;

use super::remote_client::RemoteClient;
use super::report::{Row, exceptions};
use super::target::{Target, admin};

/// Paths that an administrator may read.
const PATHS: [&str; 3] = ["/v1/auth/me", "/v1/account", "/v1/users"];

/// Unsigned tokens and tokens signed by others: a row for each kind.
pub fn tokens(target: &Target<'_>) -> Vec<Row> {
    let service = target.launch().start();
    let admin = admin(&service);
    let token = admin.access();
    let (header, claims) = decode(&token);
    let signature = URL_SAFE_NO_PAD.decode(token.rsplit('.').next().unwrap()).unwrap();
    let with = |changes| changed(&header, &changes).to_string();
    let (body, genuine) = (claims.to_string(), header.to_string());

    let unsigned = unsigned(&header, &body, &signature);
    let signed_with_public = signed_with_public(&service, &header, &body);
    let keys = service.client().get("/.well-known/jwks.json").body();
    let other_keys: Vec<_> = [
        json!({"kid": "another"}),
        json!({"kid": null}),
        json!({"kid": ""}),
        json!({"kid": "../../dev/null"}),
        json!({"kid": "' OR 1=1 --"}),
        json!({"jwk": keys["keys"][0]}),
        json!({"jku": "http://127.0.0.1:1/"}),
        json!({"alg": "ES256"}),
        json!({"typ": "JWT"}),
    ]
    .into_iter()
    .map(|changes| encode(&with(changes), &body, &signature))
    .collect();
    let changed_claims: Vec<_> = [
        json!({"roles": ["admin", "user", "owner"]}),
        json!({"exp": claims["exp"].as_i64().unwrap() + 3600}),
        json!({"sub": "00000000-0000-7000-8000-000000000000"}),
        json!({"aud": null}),
        json!({"ver": 9999}),
    ]
    .into_iter()
    .map(|changes| encode(&genuine, &changed(&claims, &changes).to_string(), &signature))
    .collect();
    // Another instance with its own keys and the same issuer.
    let elsewhere = Service::on(&Database::sqlite());
    let foreign = elsewhere.admin().access();
    let foreign_signature = URL_SAFE_NO_PAD
        .decode(foreign.rsplit('.').next().unwrap())
        .unwrap();
    let foreign = vec![foreign, encode(&genuine, &body, &foreign_signature)];
    let others = vec![admin.refresh_token(), admin.session(), admin.id.clone()];

    let mut random = target.random();
    let mut row = |attack, tokens: &[String]| {
        let mut accepted = Vec::new();
        for token in tokens {
            for path in PATHS {
                let bearer = format!("Authorization: Bearer {token}");
                let remote = RemoteClient::at_random_address(&mut random, service.address());
                let response = remote.ask("GET", path, &[&bearer], None);
                if response.status != 401 || response.body()["code"] != "invalid-token" {
                    accepted.push(format!("{response:?} with {token}"));
                }
            }
        }
        let asked = tokens.len() * PATHS.len();
        let outcome = format!("{asked} requests, {}", exceptions(&accepted));
        Row::new(attack, "401 invalid-token", outcome, accepted.is_empty())
    };
    let mut rows = vec![
        row("tokens with alg none", &unsigned),
        row(
            "tokens signed with the public key as a secret",
            &signed_with_public,
        ),
        row("tokens with another kid, key or algorithm", &other_keys),
        row("tokens with changed claims", &changed_claims),
        row("tokens of another Doorward", &foreign),
        row("a refresh token, a session, an id as a token", &others),
    ];
    let genuine = RemoteClient::at_random_address(&mut random, service.address()).me(&token);
    rows.push(Row::new(
        "the token that these were made of",
        "200",
        genuine.status.to_string(),
        genuine.status == 200,
    ));
    rows
}

/// Unsigned tokens, and the original signature over a changed header.
fn unsigned(header: &Value, body: &str, signature: &[u8]) -> Vec<String> {
    ["none", "None", "NONE", "nOnE", ""]
        .iter()
        .flat_map(|alg| {
            let header = changed(header, &json!({"alg": alg})).to_string();
            let unsigned = encode(&header, body, b"");
            let bare = unsigned.trim_end_matches('.').to_owned();
            [unsigned, bare, encode(&header, body, signature)]
        })
        .collect()
}

/// HMAC signatures with the public key in each of its encodings as the secret.
fn signed_with_public(service: &Service, header: &Value, body: &str) -> Vec<String> {
    let keys = service.client().get("/.well-known/jwks.json");
    let key = &keys.body()["keys"][0];
    let public = text(&key["x"]);
    let secrets = [
        keys.text().as_bytes().to_vec(),
        key.to_string().into_bytes(),
        URL_SAFE_NO_PAD.decode(&public).unwrap(),
        public.into_bytes(),
        Vec::new(),
    ];
    let header = changed(header, &json!({"alg": "HS256"})).to_string();
    let unsigned = encode(&header, body, b"");
    let signed = unsigned.trim_end_matches('.');
    secrets
        .iter()
        .map(|secret| {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
            let tag = hmac::sign(&secret, signed.as_bytes());
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
        })
        .collect()
}
