//! The password policy, applied equally wherever a password is chosen.

use serde_json::json;

use crate::harness::client::Response;
use crate::harness::database::Database;
use crate::harness::service::Service;
use crate::harness::users::PASSWORD;

/// Passwords that are rejected for `grace.hopper@example.org`, with the code and a part of the detail.
const REFUSED: [(&str, &str, &str); 6] = [
    ("hunter2", "too-short", "at least 8 characters"),
    ("password1", "common-password", "tried first"),
    ("P@ssw0rd", "common-password", "tried first"),
    ("grace.hopper", "derived-password", "made of the e-mail address"),
    ("doorward1", "derived-password", "made of the e-mail address"),
    ("abcabcabc", "weak-password", "easy to guess"),
];

/// Asserts that the response names the reason at this member, and does not repeat the password.
fn assert_names(response: &Response, pointer: &str, password: &str, code: &str, says: &str) {
    let problem = response.problem(422, "validation");
    assert_eq!(problem["errors"][0]["pointer"], pointer, "{password}");
    assert_eq!(problem["errors"][0]["code"], code, "{password}");
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains(says), "{password}: {detail}");
    assert!(!response.text().contains(password), "{password}");
}

#[test]
fn every_route_and_command_applies_the_same_password_policy() {
    let email = "grace.hopper@example.org";
    let fresh = Service::on(&Database::sqlite());
    let settled = Service::on(&Database::sqlite());
    let admin = settled.admin();
    let grace = settled.new_user("grace.hopper");
    let other = "grace.hopper@example.com";
    for (password, code, says) in REFUSED {
        let account = json!({"email": email, "password": password});
        let response = fresh.client().post("/v1/auth/register", &account);
        assert_names(&response, "/password", password, code, says);
        let account = json!({"email": other, "password": password});
        let response = admin.client().post("/v1/users", &account);
        assert_names(&response, "/password", password, code, says);
        let setup = json!({"setup_token": fresh.setup_token(), "email": email, "password": password});
        let response = fresh.client().post("/v1/setup", &setup);
        assert_names(&response, "/password", password, code, says);
        let change = json!({"current_password": PASSWORD, "new_password": password});
        let response = grace.client().post("/v1/account/password", &change);
        assert_names(&response, "/new_password", password, code, says);

        for more in [&[][..], &["--admin"]] {
            let command = [&["users", "create", "--email", email, "--password-stdin"], more].concat();
            let ended = fresh.run(&command, &format!("{password}\n"));
            assert_eq!(ended.status, 1, "{password}: {ended:?}");
            assert!(ended.stderr.contains(says), "{password}: {ended:?}");
        }
    }
    // No account was created on the way, and a good password is accepted.
    let create = ["users", "create", "--email", email, "--password-stdin"];
    let ended = fresh.run(&create, PASSWORD);
    assert_eq!(ended.status, 0, "{ended:?}");
}
