//! Setup with a token, and its alternatives on the command line.

use serde_json::json;

use crate::harness::database::{Database, on_both_databases};
use crate::harness::response_schema::assert_user;
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, TestUser, login};

on_both_databases!(
    setup_creates_the_first_administrator_and_then_closes,
    an_invalid_setup_request_leaves_setup_open,
    a_configured_setup_token_is_used_and_not_printed,
    a_setup_token_that_is_no_longer_configured_is_no_longer_valid,
    the_setup_token_command_replaces_a_lost_token,
    creating_an_administrator_by_command_closes_setup,
);

fn setup_creates_the_first_administrator_and_then_closes(database: &Database) {
    let mut service = Service::on(database);
    let client = service.client();
    let token = service.setup_token();
    let body = |token: &str, email: &str| json!({"setup_token": token, "email": email, "password": PASSWORD, "name": "Ada"});

    for wrong in ["", "dws_", &token.to_uppercase(), &format!("{token} ")] {
        client
            .post("/v1/setup", &body(wrong, "ada@example.org"))
            .problem(403, "setup-closed");
    }
    let user = client.post("/v1/setup", &body(&token, "Ada@example.org")).ok(201);
    assert_user(&user);
    assert_eq!(user["email"], "Ada@example.org");
    assert_eq!(user["name"], "Ada");
    assert_eq!(user["roles"], json!(["admin", "user"]));
    assert_eq!(user["status"], "active");

    client
        .post("/v1/setup", &body(&token, "eve@example.org"))
        .problem(403, "setup-closed");
    let admin = TestUser::login(&client, "ada@example.org", PASSWORD);
    admin.client().get("/v1/users").ok(200);

    assert!(service.terminate().success());
    service.restart();
    assert_eq!(
        service.output().matches("Setup token").count(),
        1,
        "{}",
        service.output()
    );
    service
        .client()
        .post("/v1/setup", &body(&token, "eve@example.org"))
        .problem(403, "setup-closed");
    assert!(!service.log().contains(&token));
}

fn an_invalid_setup_request_leaves_setup_open(database: &Database) {
    let service = Service::on(database);
    let token = service.setup_token();
    let body =
        json!({"setup_token": token, "email": "not an address", "password": "hunter2", "name": "a\u{7}b"});
    let response = service.client().post("/v1/setup", &body);
    let problem = response.problem(422, "validation");
    let pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["pointer"])
        .collect();
    assert_eq!(pointers, ["/email", "/name", "/password"]);
    assert!(!response.text().contains("hunter2") && !response.text().contains(&token));
    service.admin();
}

fn a_configured_setup_token_is_used_and_not_printed(database: &Database) {
    let token = "the operator chose this one";
    let service = Launch::on(database).env("DOORWARD_SETUP__TOKEN", token).start();
    assert_eq!(service.output(), "");
    let body = json!({"setup_token": token, "email": "ada@example.org", "password": PASSWORD});
    service.client().post("/v1/setup", &body).ok(201);
    assert!(!service.log().contains(token));
}

fn a_setup_token_that_is_no_longer_configured_is_no_longer_valid(database: &Database) {
    let configured = "the operator chose this one";
    let mut service = Launch::on(database)
        .env("DOORWARD_SETUP__TOKEN", configured)
        .start();
    assert!(service.terminate().success());
    let mut service = Service::on(database);
    let made = service.setup_token();
    let body = |token: &str| json!({"setup_token": token, "email": "ada@example.org", "password": PASSWORD});
    service
        .client()
        .post("/v1/setup", &body(configured))
        .problem(403, "setup-closed");
    // The one that was made instead is kept like that of a first start.
    assert!(service.terminate().success());
    service.restart();
    assert_eq!(service.output().matches("Setup token").count(), 1);
    service.client().post("/v1/setup", &body(&made)).ok(201);
}

fn the_setup_token_command_replaces_a_lost_token(database: &Database) {
    let mut service = Service::on(database);
    let lost = service.setup_token();
    let ended = service.run(&["setup-token"], "");
    assert_eq!(ended.status, 0, "{ended:?}");
    let token = ended.stdout.trim_end();
    assert!(token.starts_with("dws_") && !token.contains(char::is_whitespace));
    assert!(!ended.stderr.contains(token));
    let body = |token: &str| json!({"setup_token": token, "email": "ada@example.org", "password": PASSWORD});
    // The running service accepts the new token immediately.
    let client = service.client();
    client
        .post("/v1/setup", &body(&lost))
        .problem(403, "setup-closed");
    client.post("/v1/setup", &body(token)).ok(201);

    let ended = service.run(&["setup-token"], "");
    assert_eq!((ended.status, ended.stdout.as_str()), (1, ""), "{ended:?}");
    assert!(ended.stderr.contains("setup is closed"), "{ended:?}");
    assert!(service.terminate().success());
}

fn creating_an_administrator_by_command_closes_setup(database: &Database) {
    let service = Service::on(database);
    let create = |email: &str, flags: &[&str], password: &str| {
        let arguments = [&["users", "create", "--password-stdin", "--email", email], flags].concat();
        service.run(&arguments, password)
    };
    let line = format!("{PASSWORD}\r\nand another line\n");
    let user = create("grace@example.org", &["--name", "Grace"], &line);
    assert_eq!(user.status, 0, "{user:?}");
    let client = service.client();
    let grace = TestUser::login(&client, "grace@example.org", PASSWORD);
    assert_eq!(grace.id, user.stdout.trim_end());
    assert_eq!(grace.pair["user"]["name"], "Grace");
    assert_eq!(grace.pair["user"]["roles"], json!(["user"]));

    let admin = create("ada@example.org", &["--admin"], PASSWORD);
    assert_eq!(admin.status, 0, "{admin:?}");
    let ada = TestUser::login(&client, "ada@example.org", PASSWORD);
    assert_eq!(ada.pair["user"]["roles"], json!(["admin", "user"]));
    let body =
        json!({"setup_token": service.setup_token(), "email": "eve@example.org", "password": PASSWORD});
    client.post("/v1/setup", &body).problem(403, "setup-closed");

    for (email, password, says) in [
        ("ADA@example.org", PASSWORD, "taken"),
        ("not an address", PASSWORD, "address"),
        ("eve@example.org", "hunter2", "at least 8 characters"),
        ("eve@example.org", "", "at least 8 characters"),
    ] {
        let ended = create(email, &["--admin"], password);
        assert_eq!((ended.status, ended.stdout.as_str()), (1, ""), "{ended:?}");
        assert!(
            ended.stderr.contains(says) && !ended.stderr.contains("hunter2"),
            "{ended:?}"
        );
    }
    login(&client, "eve@example.org", PASSWORD).problem(401, "invalid-credentials");
}
