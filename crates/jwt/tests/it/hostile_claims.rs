//! Access tokens, all with a valid signature, whose claims are not what they should be.

use crate::common::{Forge, NOW, claims, claims_json, refused, with, without};
use doorward_domain::token::AccessTokenVerifier;
use proptest::prelude::*;
use serde_json::{Value, json};

const BAD_CLAIMS: &str = "a claim is missing, doubled or of the wrong type";

#[test]
fn times_are_whole_numbers_of_seconds() {
    let forge = Forge::new();
    let header = Forge::header().to_string();
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
            refused(&forge, &forge.sign(&header, &changed), BAD_CLAIMS);
        }
    }
    for (claim, value, reason) in [
        ("exp", 1_700_000_000 - 5, "the token has expired"),
        ("exp", 0, "the token has expired"),
        ("iat", 1_700_000_006, "the token is not valid yet"),
        ("nbf", 1_700_000_006, "the token is not valid yet"),
        ("nbf", 253_402_300_799_i64, "the token is not valid yet"),
    ] {
        refused(
            &forge,
            &forge.sign(&header, &with(claims_json(), claim, json!(value))),
            reason,
        );
    }
    let with_nbf = forge.sign(&header, &with(claims_json(), "nbf", json!(1_700_000_005)));
    assert!(forge.verifier.verify(&with_nbf, NOW).is_ok());
    let doubled = payload.replacen('{', "{\"exp\":9999999999,", 1);
    refused(&forge, &forge.sign(&header, &doubled), BAD_CLAIMS);
}

#[test]
fn every_claim_is_there_with_its_type() {
    let forge = Forge::new();
    let header = Forge::header().to_string();
    for claim in claims_json().as_object().unwrap().keys() {
        if claim != "email" {
            refused(
                &forge,
                &forge.sign(&header, &without(claims_json(), claim)),
                BAD_CLAIMS,
            );
        }
        for wrong in [Value::Null, json!(true), json!({"a": 1}), json!([1]), json!(1.5)] {
            refused(
                &forge,
                &forge.sign(&header, &with(claims_json(), claim, wrong)),
                BAD_CLAIMS,
            );
        }
        let twice = format!(
            "{{\"{claim}\":{},{}",
            claims_json()[claim],
            &claims_json().to_string()[1..]
        );
        refused(&forge, &forge.sign(&header, &twice), BAD_CLAIMS);
    }
    for payload in ["null", "[]", "\"\"", "", r#"["https://id.example.org"]"#] {
        refused(
            &forge,
            &forge.sign(&header, payload),
            "the claims are not an object",
        );
    }
    refused(&forge, &forge.sign(&header, "{}"), BAD_CLAIMS);
    refused(
        &forge,
        &forge.sign(&header, &format!("{{\"x\":{}", "[".repeat(3000))),
        BAD_CLAIMS,
    );
}

#[test]
fn every_claim_has_a_value_that_can_be() {
    let forge = Forge::new();
    let header = Forge::header().to_string();
    let many: Vec<String> = (0..33).map(|n| format!("role{n}")).collect();
    for (claim, value, reason) in [
        ("iss", json!("https://evil.example"), "the issuer is another"),
        ("aud", json!("another"), "the audience is another"),
        ("aud", json!(""), "the audience is another"),
        ("aud", json!([]), "the audience is another"),
        ("aud", json!(["another", "doorward2"]), "the audience is another"),
        ("sub", json!("ada"), "the subject is not a user id"),
        (
            "sub",
            json!("03030303-0303-0303-0303-03030303030A"),
            "the subject is not a user id",
        ),
        (
            "sid",
            json!("02020202020202020202020202020202"),
            "sid is not a session id",
        ),
        ("jti", json!(""), "jti is not a token id"),
        ("roles", json!(["Admin"]), "a role is not a role name"),
        ("roles", json!(["admin\0"]), "a role is not a role name"),
        ("roles", json!(many), "there are too many roles"),
        (
            "client_id",
            json!(""),
            "the client or the means of authentication is empty",
        ),
        (
            "amr",
            json!([]),
            "the client or the means of authentication is empty",
        ),
    ] {
        refused(
            &forge,
            &forge.sign(&header, &with(claims_json(), claim, value)),
            reason,
        );
    }
    for ver in [json!(-1), json!(4_294_967_296_u64), json!("4")] {
        refused(
            &forge,
            &forge.sign(&header, &with(claims_json(), "ver", ver)),
            BAD_CLAIMS,
        );
    }
}

#[test]
fn what_the_standard_allows_is_taken() {
    let forge = Forge::new();
    let header = Forge::header().to_string();
    for payload in [
        with(claims_json(), "aud", json!(["billing", "doorward"])),
        with(claims_json(), "claim_of_a_later_version", json!({"a": [1, 2, 3]})),
        with(claims_json(), "nbf", json!(1_700_000_000)),
    ] {
        assert_eq!(
            forge.verifier.verify(&forge.sign(&header, &payload), NOW),
            Ok(claims()),
            "{payload}"
        );
    }
    let no_roles = forge.sign(&header, &with(claims_json(), "roles", json!([])));
    assert!(forge.verifier.verify(&no_roles, NOW).unwrap().roles.is_empty());
    let no_email = forge.sign(&header, &without(claims_json(), "email"));
    assert_eq!(forge.verifier.verify(&no_email, NOW).unwrap().email, None);
}

proptest! {
    #[test]
    fn no_json_in_the_place_of_a_claim_panics_or_passes(claim in prop::sample::select(vec!["exp", "iat", "ver", "aud", "roles", "amr", "nbf"]), value in "[\\[\\]{}\",:0-9a-z.+-]{0,12}") {
        let forge = Forge::new();
        let marked = with(claims_json(), claim, json!("MARK"));
        let payload = marked.replace("\"MARK\"", &value);
        let accepted = forge.verifier.verify(&forge.sign(&Forge::header().to_string(), &payload), NOW).is_ok();
        if accepted {
            // Whatever passes is what a plain reading of the JSON says it is.
            let read: Value = serde_json::from_str(&payload).unwrap();
            match claim {
                "exp" | "iat" | "nbf" | "ver" => prop_assert!(read[claim].is_u64(), "{}", payload),
                "roles" | "amr" => prop_assert!(read[claim].is_array(), "{}", payload),
                _ => prop_assert_eq!(&read[claim], &json!("doorward")),
            }
        }
    }
}
