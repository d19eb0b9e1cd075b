//! Registration: validation of the input, and uniqueness of e-mail addresses.

use serde_json::json;

use crate::harness::database::{Database, on_both_databases};
use crate::harness::response_schema::assert_members;
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, login, register, text};

on_both_databases!(
    registration_reports_every_invalid_field,
    an_email_address_is_taken_in_every_spelling,
    closed_registration_is_refused_and_administrators_still_create_accounts,
);

fn closed_registration_is_refused_and_administrators_still_create_accounts(database: &Database) {
    let service = Launch::on(database).set("registration.mode", "closed").start();
    let client = service.client();
    let admin = service.admin();
    for email in ["grace@example.org", "root@example.org", "not an address"] {
        let body = json!({"email": email, "password": PASSWORD});
        client
            .post("/v1/auth/register", &body)
            .problem(403, "feature-disabled");
    }
    login(&client, "grace@example.org", PASSWORD).problem(401, "invalid-credentials");
    let body = json!({"email": "grace@example.org", "password": PASSWORD});
    admin.client().post("/v1/users", &body).ok(201);
    login(&client, "grace@example.org", PASSWORD).ok(200);
}

fn registration_reports_every_invalid_field(database: &Database) {
    let service = Service::on(database);
    let client = service.client();
    let long_name = "n".repeat(201);
    for (email, password, name, expected) in [
        ("grace", PASSWORD, None, vec!["/email"]),
        ("a@b@c", PASSWORD, None, vec!["/email"]),
        ("", PASSWORD, None, vec!["/email"]),
        ("\"quoted\"@example.org", PASSWORD, None, vec!["/email"]),
        ("a\r\nb@example.org", PASSWORD, None, vec!["/email"]),
        ("\u{ff47}race@example.org", PASSWORD, None, vec!["/email"]),
        ("grace@example.org", "hunter2", None, vec!["/password"]),
        ("grace@example.org", "password123", None, vec!["/password"]),
        ("grace@example.org", "grace@example.org", None, vec!["/password"]),
        (
            "grace@example.org",
            PASSWORD,
            Some(long_name.as_str()),
            vec!["/name"],
        ),
        ("grace@example.org", PASSWORD, Some("a\nb"), vec!["/name"]),
        (
            "grace",
            "hunter2",
            Some("\u{1b}[2J"),
            vec!["/email", "/name", "/password"],
        ),
    ] {
        let body = json!({"email": email, "password": password, "name": name});
        let response = client.post("/v1/auth/register", &body);
        let problem = response.problem(422, "validation");
        let errors = problem["errors"].as_array().unwrap();
        for error in errors {
            assert_members(error, &["pointer", "code", "detail"]);
        }
        let pointers: Vec<_> = errors.iter().map(|error| text(&error["pointer"])).collect();
        assert_eq!(pointers, expected, "{response:?}");
        assert!(
            !response.text().contains(password) || password.contains('@'),
            "{response:?}"
        );
    }
    let too_long = "p".repeat(257);
    let body = json!({"email": "grace@example.org", "password": too_long});
    let problem = client.post("/v1/auth/register", &body).problem(422, "validation");
    assert_eq!(problem["errors"][0]["code"], "too-long");
    login(&client, "grace@example.org", PASSWORD).problem(401, "invalid-credentials");
}

fn an_email_address_is_taken_in_every_spelling(database: &Database) {
    let service = Service::on(database);
    let client = service.client();
    // Composed accents, and an internationalized domain.
    register(&client, "Ren\u{e9}@B\u{fc}cher.example");
    for spelling in [
        "ren\u{e9}@b\u{fc}cher.example",
        "REN\u{c9}@B\u{dc}CHER.EXAMPLE",
        "rene\u{301}@bu\u{308}cher.example",
        "ren\u{e9}@xn--bcher-kva.example",
        "ren\u{e9}@b\u{fc}cher\u{3002}example",
    ] {
        let body = json!({"email": spelling, "password": PASSWORD});
        client
            .post("/v1/auth/register", &body)
            .problem(409, "email-taken");
        login(&client, spelling, PASSWORD).ok(200);
    }
    let body = json!({"email": " ren\u{e9}@b\u{fc}cher.example", "password": PASSWORD});
    client.post("/v1/auth/register", &body).problem(422, "validation");
}
