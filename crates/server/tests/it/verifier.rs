//! The example of a verifier in another language, against the real service.
//!
//! `DOORWARD_TEST_PYTHON` names a Python that has `PyJWT` with its "crypto" extra; without it `python3` is tried. Where
//! neither has it, a test says that it was not run, and fails if `CI` is set.

use std::io::Write as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::backing::{Backing, on_both};
use crate::people::Person;
use crate::service::{Launch, Service};
use crate::shapes::{changed, decode, encode};
use crate::support::{Ended, run};

on_both!(
    a_good_token_is_accepted_until_its_session_ends,
    a_token_of_a_changed_user_is_refused_and_the_next_one_is_not,
);

const VERIFIER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/verify.py");
const ISSUER: &str = "http://localhost:8080";

struct Verifier<'s> {
    python: String,
    service: &'s Service,
}

impl<'s> Verifier<'s> {
    fn of(service: &'s Service) -> Option<Self> {
        let named = std::env::var("DOORWARD_TEST_PYTHON").ok();
        let python = named.clone().unwrap_or_else(|| "python3".to_owned());
        let import = "import jwt; assert jwt.algorithms.has_crypto";
        let probe = Command::new(&python).args(["-c", import]).output();
        if probe.is_ok_and(|output| output.status.success()) {
            return Some(Self { python, service });
        }
        let reason = format!("{python} has no PyJWT with its \"crypto\" extra");
        let is_due = named.is_some() || std::env::var_os("CI").is_some();
        assert!(!is_due, "{reason}");
        // A standard error that is closed must not fail the test.
        let _ = writeln!(std::io::stderr(), "not run: {reason}");
        None
    }

    fn run(&self, token: &str, issuer: &str, audience: &str) -> Ended {
        let mut command = Command::new(&self.python);
        command
            .args([VERIFIER, &format!("http://{}", self.service.address())])
            .env("DOORWARD_ISSUER", issuer)
            .env("DOORWARD_AUDIENCE", audience);
        run(command, token)
    }

    /// The claims of a token, or why it is refused.
    fn verify(&self, token: &str) -> Result<Value, String> {
        self.verify_for(token, ISSUER, "doorward")
    }

    fn verify_for(&self, token: &str, issuer: &str, audience: &str) -> Result<Value, String> {
        let ended = self.run(token, issuer, audience);
        match ended.status {
            0 => Ok(serde_json::from_str(&ended.stdout).unwrap()),
            1 => {
                let reason = ended.stdout.trim_end().strip_prefix("refused: ");
                Err(reason.unwrap_or_else(|| panic!("{ended:?}")).to_owned())
            }
            _ => panic!("{ended:?}"),
        }
    }
}

fn a_good_token_is_accepted_until_its_session_ends(backing: &Backing) {
    let service = Service::on(backing);
    let Some(verifier) = Verifier::of(&service) else {
        return;
    };
    let grace = service.person("grace");
    let other = grace.again();
    assert_eq!(verifier.verify(&grace.access()), Ok(decode(&grace.access()).1));
    grace.logout();
    let over = Err("its session has ended".to_owned());
    assert_eq!(verifier.verify(&grace.access()), over);
    verifier.verify(&other.access()).unwrap();
    other.client().post_nothing("/v1/auth/logout-all").is_empty(204);
    assert_eq!(verifier.verify(&other.access()), over);
}

fn a_token_of_a_changed_user_is_refused_and_the_next_one_is_not(backing: &Backing) {
    let service = Service::on(backing);
    let Some(verifier) = Verifier::of(&service) else {
        return;
    };
    let admin = service.admin();
    let mut grace: Person = service.person("grace");
    let roles = json!({"roles": ["user", "auditor"]});
    let path = format!("{}/roles", grace.path());
    admin.client().json("PUT", &path, &roles).ok(200);
    let changed = Err("its user has changed since it was issued".to_owned());
    assert_eq!(verifier.verify(&grace.access()), changed);
    grace.refresh();
    let claims = verifier.verify(&grace.access()).unwrap();
    assert!(claims["roles"].as_array().unwrap().contains(&json!("auditor")));
    admin.client().delete(&grace.path()).is_empty(204);
    assert_eq!(verifier.verify(&grace.access()), changed);
}

#[test]
fn a_forged_or_foreign_token_is_refused() {
    let backing = Backing::sqlite();
    let service = Service::on(&backing);
    let Some(verifier) = Verifier::of(&service) else {
        return;
    };
    let token = service.person("grace").access();
    verifier.verify(&token).unwrap();
    let (header, claims) = decode(&token);
    for change in [
        json!({"alg": "none"}),
        json!({"alg": "HS256"}),
        json!({"alg": "ES256"}),
        json!({"typ": "JWT"}),
        json!({"kid": "another"}),
        json!({"kid": null}),
        json!({"crit": ["exp"]}),
        json!({"jwk": {"kty": "OKP"}}),
    ] {
        let header = changed(&header, &change).to_string();
        let forged = encode(&header, &claims.to_string(), &[7; 64]);
        assert!(verifier.verify(&forged).is_err(), "{change}");
    }
    let signature = token.rsplit_once('.').unwrap().1;
    let raised = changed(&claims, &json!({"roles": ["admin"]})).to_string();
    let raised = encode(&header.to_string(), &raised, b"");
    assert!(verifier.verify(&format!("{raised}{signature}")).is_err());
    for garbage in ["", "a.b.c"] {
        assert!(verifier.verify(garbage).is_err(), "{garbage:?}");
    }
    let foreign = |issuer, audience| verifier.verify_for(&token, issuer, audience);
    assert_eq!(
        foreign("https://other.example", "doorward"),
        Err("Invalid issuer".to_owned())
    );
    assert_eq!(foreign(ISSUER, "other"), Err("Audience doesn't match".to_owned()));
}

#[test]
fn what_cannot_be_known_is_not_a_refusal() {
    let backing = Backing::sqlite();
    let mut service = Service::on(&backing);
    let token = service.person("grace").access();
    service.terminate();
    if let Some(verifier) = Verifier::of(&service) {
        assert_eq!(verifier.run(&token, ISSUER, "doorward").status, 2);
    }
}

#[test]
fn the_key_says_with_which_algorithm_it_signs() {
    let backing = Backing::sqlite();
    let service = Launch::on(&backing).set("keys.algorithm", "ES256").start();
    let token = service.person("grace").access();
    if let Some(verifier) = Verifier::of(&service) {
        assert_eq!(decode(&token).0["alg"], "ES256");
        verifier.verify(&token).unwrap();
    }
}
