//! Access tokens with a valid signature and invalid claims.

use crate::common::{NOW, TestIssuer, assert_rejected, claims, claims_json, with, without};
use doorward_domain::token::AccessTokenVerifier;
use proptest::prelude::*;
use serde_json::{Value, json};

const BAD_CLAIMS: &str = "a claim is missing, duplicated or of the wrong type";

#[test]
fn times_that_are_not_whole_seconds_are_rejected() {
    let issuer = TestIssuer::new();
    let header = TestIssuer::header().to_string();
    let payload = claims_json().to_string();
    for claim in ["exp", "iat", "auth_time", "nbf"] {
        let object = claims_json();
        let present = with(object, claim, json!(1_699_999_999));
        for wrong in [
            "\"1700000900\"",
            "1700000900.0",
            "1700000900.5",
            "1.7e9",
            "-1",
            "-1700000900",
            "null",
            "true",
            "[1700000900]",
            "{}",
            "253402300800",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
            "1e400",
            "NaN",
            "0x10",
            "01",
        ] {
            let changed = present.replace(
                &format!("\"{claim}\":1699999999"),
                &format!("\"{claim}\":{wrong}"),
            );
            assert_ne!(changed, present);
            assert_rejected(&issuer, &issuer.sign(&header, &changed), BAD_CLAIMS);
        }
    }
    for (claim, value, reason) in [
        ("exp", 1_700_000_000 - 5, "the token has expired"),
        ("exp", 0, "the token has expired"),
        ("iat", 1_700_000_006, "the token is not valid yet"),
        ("nbf", 1_700_000_006, "the token is not valid yet"),
        ("nbf", 253_402_300_799_i64, "the token is not valid yet"),
    ] {
        assert_rejected(
            &issuer,
            &issuer.sign(&header, &with(claims_json(), claim, json!(value))),
            reason,
        );
    }
    let with_nbf = issuer.sign(&header, &with(claims_json(), "nbf", json!(1_700_000_005)));
    assert!(issuer.verifier.verify(&with_nbf, NOW).is_ok());
    let doubled = payload.replacen('{', "{\"exp\":9999999999,", 1);
    assert_rejected(&issuer, &issuer.sign(&header, &doubled), BAD_CLAIMS);
}

#[test]
fn a_missing_duplicate_or_mistyped_claim_is_rejected() {
    let issuer = TestIssuer::new();
    let header = TestIssuer::header().to_string();
    for claim in claims_json().as_object().unwrap().keys() {
        if !["email", "email_verified"].contains(&claim.as_str()) {
            assert_rejected(
                &issuer,
                &issuer.sign(&header, &without(claims_json(), claim)),
                BAD_CLAIMS,
            );
        }
        let boolean = if claim == "email_verified" {
            json!("true")
        } else {
            json!(true)
        };
        for wrong in [Value::Null, boolean, json!({"a": 1}), json!([1]), json!(1.5)] {
            assert_rejected(
                &issuer,
                &issuer.sign(&header, &with(claims_json(), claim, wrong)),
                BAD_CLAIMS,
            );
        }
        let twice = format!(
            "{{\"{claim}\":{},{}",
            claims_json()[claim],
            &claims_json().to_string()[1..]
        );
        assert_rejected(&issuer, &issuer.sign(&header, &twice), BAD_CLAIMS);
    }
    for payload in ["null", "[]", "\"\"", "", r#"["https://id.example.org"]"#] {
        assert_rejected(
            &issuer,
            &issuer.sign(&header, payload),
            "the claims are not an object",
        );
    }
    assert_rejected(&issuer, &issuer.sign(&header, "{}"), BAD_CLAIMS);
    assert_rejected(
        &issuer,
        &issuer.sign(&header, &format!("{{\"x\":{}", "[".repeat(3000))),
        BAD_CLAIMS,
    );
}

#[test]
fn a_claim_with_an_invalid_value_is_rejected() {
    let issuer = TestIssuer::new();
    let header = TestIssuer::header().to_string();
    let many: Vec<String> = (0..33).map(|n| format!("role{n}")).collect();
    for (claim, value, reason) in [
        ("iss", json!("https://evil.example"), "wrong issuer"),
        ("aud", json!("another"), "wrong audience"),
        ("aud", json!(""), "wrong audience"),
        ("aud", json!([]), "wrong audience"),
        ("aud", json!(["another", "doorward2"]), "wrong audience"),
        ("sub", json!("ada"), "sub is not a user id"),
        (
            "sub",
            json!("03030303-0303-0303-0303-03030303030A"),
            "sub is not a user id",
        ),
        (
            "sid",
            json!("02020202020202020202020202020202"),
            "sid is not a session id",
        ),
        ("jti", json!(""), "jti is not a token id"),
        ("roles", json!(["Admin"]), "invalid role name"),
        ("roles", json!(["admin\0"]), "invalid role name"),
        ("roles", json!(many), "too many roles"),
        ("client_id", json!(""), "client_id or amr is empty"),
        ("amr", json!([]), "client_id or amr is empty"),
    ] {
        assert_rejected(
            &issuer,
            &issuer.sign(&header, &with(claims_json(), claim, value)),
            reason,
        );
    }
    for (sub, client_id) in [
        ("ada", "doorward"),
        ("ada", "Ada"),
        ("doorward", "doorward"),
        ("Ada", "Ada"),
    ] {
        let mut named = claims_json();
        named["sub"] = json!(sub);
        named["client_id"] = json!(client_id);
        for payload in [without(named.clone(), "amr"), named.to_string()] {
            assert_rejected(&issuer, &issuer.sign(&header, &payload), "sub is not a user id");
        }
    }
    // Of a service, but with members that say how a user authenticated.
    let mut service = claims_json();
    service["sub"] = json!("ada");
    service["client_id"] = json!("ada");
    for payload in [
        service.to_string(),
        without(service.clone(), "amr"),
        without(service, "auth_time"),
    ] {
        assert_rejected(&issuer, &issuer.sign(&header, &payload), BAD_CLAIMS);
    }
    for ver in [json!(-1), json!(4_294_967_296_u64), json!("4")] {
        assert_rejected(
            &issuer,
            &issuer.sign(&header, &with(claims_json(), "ver", ver)),
            BAD_CLAIMS,
        );
    }
}

#[test]
fn variations_that_the_rfcs_allow_are_accepted() {
    let issuer = TestIssuer::new();
    let header = TestIssuer::header().to_string();
    for payload in [
        with(claims_json(), "aud", json!(["billing", "doorward"])),
        with(claims_json(), "claim_of_a_later_version", json!({"a": [1, 2, 3]})),
        with(claims_json(), "nbf", json!(1_700_000_000)),
    ] {
        assert_eq!(
            issuer.verifier.verify(&issuer.sign(&header, &payload), NOW),
            Ok(claims()),
            "{payload}"
        );
    }
    let no_roles = issuer.sign(&header, &with(claims_json(), "roles", json!([])));
    assert!(issuer.verifier.verify(&no_roles, NOW).unwrap().roles.is_empty());
    let no_email = issuer.sign(&header, &without(claims_json(), "email"));
    assert_eq!(issuer.verifier.verify(&no_email, NOW).unwrap().email, None);
}

proptest! {
    #[test]
    fn arbitrary_json_as_a_claim_is_never_misread(claim in prop::sample::select(vec!["exp", "iat", "ver", "aud", "roles", "amr", "nbf"]), value in "[\\[\\]{}\",:0-9a-z.+-]{0,12}") {
        let issuer = TestIssuer::new();
        let marked = with(claims_json(), claim, json!("MARK"));
        let payload = marked.replace("\"MARK\"", &value);
        let accepted = issuer.verifier.verify(&issuer.sign(&TestIssuer::header().to_string(), &payload), NOW).is_ok();
        if accepted {
            // An accepted claim has the value that a JSON parser reads.
            let read: Value = serde_json::from_str(&payload).unwrap();
            match claim {
                "exp" | "iat" | "nbf" | "ver" => prop_assert!(read[claim].is_u64(), "{}", payload),
                "roles" | "amr" => prop_assert!(read[claim].is_array(), "{}", payload),
                _ => prop_assert_eq!(&read[claim], &json!("doorward")),
            }
        }
    }
}
