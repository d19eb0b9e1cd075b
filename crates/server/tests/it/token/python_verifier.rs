//! The example verifier in Python, against the running service.
//!
//! `DOORWARD_TEST_PYTHON` names a Python that has `PyJWT` with its "crypto" extra; otherwise `python3` is tried. If
//! neither has it, the tests are skipped with a message, and fail if `CI` is set.

use std::io::Write as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::database::{Database, on_both_databases};
use crate::harness::process::{ProcessResult, run};
use crate::harness::response_schema::{changed, decode, encode};
use crate::harness::service::{Launch, Service};
use crate::harness::users::TestUser;

on_both_databases!(
    a_valid_token_is_accepted_until_its_session_ends,
    changing_a_user_revokes_its_token_but_not_the_next_one,
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

    fn run(&self, token: &str, issuer: &str, audience: &str) -> ProcessResult {
        let mut command = Command::new(&self.python);
        command
            .args([VERIFIER, &format!("http://{}", self.service.address())])
            .env("DOORWARD_ISSUER", issuer)
            .env("DOORWARD_AUDIENCE", audience);
        run(command, token)
    }

    /// The claims of a token, or the reason why it is rejected.
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

fn a_valid_token_is_accepted_until_its_session_ends(database: &Database) {
    let service = Service::on(database);
    let Some(verifier) = Verifier::of(&service) else {
        return;
    };
    let grace = service.new_user("grace");
    let other = grace.login_again();
    assert_eq!(verifier.verify(&grace.access()), Ok(decode(&grace.access()).1));
    grace.logout();
    let over = Err("its session has ended".to_owned());
    assert_eq!(verifier.verify(&grace.access()), over);
    verifier.verify(&other.access()).unwrap();
    other.client().post_empty("/v1/auth/logout-all").is_empty(204);
    assert_eq!(verifier.verify(&other.access()), over);
}

fn changing_a_user_revokes_its_token_but_not_the_next_one(database: &Database) {
    let service = Service::on(database);
    let Some(verifier) = Verifier::of(&service) else {
        return;
    };
    let admin = service.admin();
    let mut grace: TestUser = service.new_user("grace");
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
fn forged_and_foreign_tokens_are_rejected() {
    let database = Database::sqlite();
    let service = Service::on(&database);
    let Some(verifier) = Verifier::of(&service) else {
        return;
    };
    let token = service.new_user("grace").access();
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
fn an_unreachable_server_is_an_error_and_not_a_rejection() {
    let database = Database::sqlite();
    let mut service = Service::on(&database);
    let token = service.new_user("grace").access();
    service.terminate();
    if let Some(verifier) = Verifier::of(&service) {
        assert_eq!(verifier.run(&token, ISSUER, "doorward").status, 2);
    }
}

#[test]
fn the_algorithm_is_taken_from_the_key() {
    let database = Database::sqlite();
    let service = Launch::on(&database).set("keys.algorithm", "ES256").start();
    let token = service.new_user("grace").access();
    if let Some(verifier) = Verifier::of(&service) {
        assert_eq!(decode(&token).0["alg"], "ES256");
        verifier.verify(&token).unwrap();
    }
}
