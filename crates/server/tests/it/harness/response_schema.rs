//! Schemas of responses: every member with its type, and no other member.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::harness::users::text;

/// Asserts that the object has exactly these members.
pub fn assert_members(value: &Value, names: &[&str]) {
    let object = value
        .as_object()
        .unwrap_or_else(|| panic!("not an object: {value}"));
    let mut found: Vec<_> = object.keys().map(String::as_str).collect();
    let mut names = names.to_vec();
    found.sort_unstable();
    names.sort_unstable();
    assert_eq!(found, names, "{value}");
}

/// A timestamp in a response: RFC 3339, in UTC.
pub fn instant(value: &Value) -> jiff::Timestamp {
    let written = text(value);
    assert!(written.ends_with('Z'), "{written}");
    written.parse().unwrap()
}

/// Asserts that the value is a `User` of the API contract.
pub fn assert_user(user: &Value) {
    let members = [
        "id",
        "email",
        "email_verified",
        "name",
        "roles",
        "status",
        "created_at",
        "updated_at",
    ];
    assert_members(user, &members);
    assert!(!text(&user["id"]).is_empty());
    assert!(text(&user["email"]).contains('@'));
    assert_eq!(user["email_verified"], false);
    assert!(user["name"].is_null() || user["name"].is_string(), "{user}");
    let roles = user["roles"].as_array().unwrap();
    assert!(roles.iter().all(Value::is_string), "{user}");
    assert!(["active", "disabled"].contains(&text(&user["status"]).as_str()));
    assert!(
        instant(&user["created_at"]) <= instant(&user["updated_at"]),
        "{user}"
    );
}

/// Asserts that the value is a `TokenPair` of the API contract, with the default token lifetimes.
pub fn assert_pair(pair: &Value) {
    let members = [
        "token_type",
        "access_token",
        "expires_in",
        "refresh_token",
        "refresh_expires_in",
        "session_id",
        "user",
    ];
    assert_members(pair, &members);
    assert_eq!(pair["token_type"], "Bearer");
    assert_eq!(pair["expires_in"], 900);
    assert_eq!(pair["refresh_expires_in"], 7 * 24 * 3600);
    assert!(text(&pair["refresh_token"]).starts_with("dwr_"));
    assert!(!text(&pair["session_id"]).is_empty());
    assert_user(&pair["user"]);
    assert_claims(pair);
}

/// Asserts that the access token has exactly the header and claims of RFC 9068 and the API contract.
fn assert_claims(pair: &Value) {
    let (header, claims) = decode(&text(&pair["access_token"]));
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(header["alg"], "EdDSA");
    assert_members(&header, &["typ", "alg", "kid"]);
    let members = [
        "iss",
        "sub",
        "aud",
        "client_id",
        "iat",
        "exp",
        "jti",
        "sid",
        "ver",
        "roles",
        "email",
        "email_verified",
        "auth_time",
        "amr",
    ];
    assert_members(&claims, &members);
    assert_eq!(claims["iss"], "http://localhost:8080");
    assert_eq!(claims["aud"], "doorward");
    assert_eq!(claims["sub"], pair["user"]["id"]);
    assert_eq!(claims["email"], pair["user"]["email"]);
    assert_eq!(claims["roles"], pair["user"]["roles"]);
    assert_eq!(claims["sid"], pair["session_id"]);
    assert_eq!(claims["amr"], json!(["pwd"]));
    let number = |name: &str| claims[name].as_i64().unwrap_or_else(|| panic!("{claims}"));
    assert_eq!(number("exp"), number("iat") + 900);
    assert!(number("auth_time") <= number("iat"));
}

/// Asserts that the value is a `Session` of the API contract.
pub fn assert_session(session: &Value) {
    let members = [
        "id",
        "created_at",
        "last_used_at",
        "expires_at",
        "ip",
        "user_agent",
        "current",
    ];
    assert_members(session, &members);
    assert!(instant(&session["created_at"]) <= instant(&session["last_used_at"]));
    assert!(instant(&session["last_used_at"]) < instant(&session["expires_at"]));
    assert_eq!(session["ip"], "127.0.0.1");
    assert_eq!(session["user_agent"], "doorward-tests");
    assert!(session["current"].is_boolean());
}

/// The header and the claims of a token, without verification.
pub fn decode(token: &str) -> (Value, Value) {
    let parts: Vec<Value> = token
        .split('.')
        .take(2)
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    (parts[0].clone(), parts[1].clone())
}

/// Encodes a token from header, claims and signature.
pub fn encode(header: &str, claims: &str, signature: &[u8]) -> String {
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    format!(
        "{}.{}.{}",
        part(header.as_bytes()),
        part(claims.as_bytes()),
        part(signature)
    )
}

/// A copy of an object with some members replaced, or removed where the change is `null`.
pub fn changed(object: &Value, changes: &Value) -> Value {
    let mut members: Map<String, Value> = object.as_object().unwrap().clone();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    Value::Object(members)
}
