//! Changing a password, and passwords of any length.

use serde_json::json;

use crate::harness::database::{Database, on_both_databases};
use crate::harness::service::Service;
use crate::harness::users::{PASSWORD, TestUser, login};

on_both_databases!(
    changing_the_password_ends_all_other_sessions,
    a_new_password_must_satisfy_the_password_policy,
    every_character_of_a_long_password_counts,
);

fn changing_the_password_ends_all_other_sessions(database: &Database) {
    let service = Service::on(database);
    let client = service.client();
    let mut grace = service.new_user("grace");
    let other = grace.login_again();
    let new = "eight calm gooseberries";
    let change = |current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        grace.client().post("/v1/account/password", &body)
    };
    change("a wrong password", new).problem(401, "invalid-credentials");
    other.try_refresh().ok(200);
    change(PASSWORD, new).is_empty(204);
    other.try_refresh().problem(401, "invalid-refresh-token");
    login(&client, &grace.email, PASSWORD).problem(401, "invalid-credentials");
    let back = TestUser::login(&client, &grace.email, new);
    grace.refresh();
    assert_eq!(back.id, grace.id);
}

fn a_new_password_must_satisfy_the_password_policy(database: &Database) {
    let service = Service::on(database);
    let grace = service.new_user("grace");
    for (new, code) in [
        (PASSWORD, "unchanged"),
        ("hunter2", "too-short"),
        ("grace@example.org", "derived-password"),
        ("password1", "common-password"),
        (&"p".repeat(257), "too-long"),
    ] {
        let body = json!({"current_password": PASSWORD, "new_password": new});
        let response = grace.client().post("/v1/account/password", &body);
        let problem = response.problem(422, "validation");
        assert_eq!(problem["errors"][0]["pointer"], "/new_password", "{response:?}");
        assert_eq!(problem["errors"][0]["code"], code, "{response:?}");
        assert!(!response.text().contains(new), "{response:?}");
    }
    // None of them counted as a failed attempt.
    grace.login_again();
}

/// bcrypt ignores everything after the 72nd byte; argon2id must not.
fn every_character_of_a_long_password_counts(database: &Database) {
    let service = Service::on(database);
    let client = service.client();
    let password = "correct horse battery staple, ".repeat(4)[..99].to_owned() + "Z";
    assert_eq!(password.len(), 100);
    let body = json!({"email": "grace@example.org", "password": password});
    client.post("/v1/auth/register", &body).ok(201);
    let upper_case = password.to_uppercase();
    for other in [
        &password[..72],
        &password[..99],
        &format!("{}Y", &password[..99]),
        &password.to_lowercase(),
    ] {
        login(&client, "grace@example.org", other).problem(401, "invalid-credentials");
    }
    login(&client, "grace@example.org", &password).ok(200);
    for other in [
        &format!("{password} "),
        &format!(" {password}"),
        &upper_case,
        &format!("{password}\u{301}"),
    ] {
        login(&client, "grace@example.org", other).problem(401, "invalid-credentials");
    }
    login(&client, "grace@example.org", &password).ok(200);

    // The longest allowed password, composed and decomposed.
    let accented = "\u{fc}berm\u{e4}\u{df}ig gr\u{fc}ne stachelbeeren ".repeat(10);
    let longest: String = accented.chars().take(256).collect();
    let body = json!({"email": "ada@example.org", "password": longest});
    client.post("/v1/auth/register", &body).ok(201);
    let decomposed = longest
        .replace('\u{fc}', "u\u{308}")
        .replace('\u{e4}', "a\u{308}");
    login(&client, "ada@example.org", &decomposed).ok(200);
    let shorter: String = longest.chars().take(255).collect();
    login(&client, "ada@example.org", &shorter).problem(401, "invalid-credentials");
}
