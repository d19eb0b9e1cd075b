//! The first administrator.

use serde_json::json;

use crate::backing::{Backing, on_both};
use crate::people::{PASSWORD, Person, login};
use crate::service::{Launch, Service};
use crate::shapes::assert_user;

on_both!(
    setup_makes_the_first_administrator_and_then_is_closed,
    a_setup_that_breaks_rules_says_which_and_leaves_setup_open,
    a_configured_token_is_the_setup_token_and_is_not_printed,
    a_lost_token_is_replaced_by_a_command,
    an_administrator_made_by_a_command_closes_setup,
    the_schema_can_be_brought_up_to_date_by_a_command,
);

fn setup_makes_the_first_administrator_and_then_is_closed(backing: &Backing) {
    let mut service = Service::on(backing);
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
    let admin = Person::login(&client, "ada@example.org", PASSWORD);
    admin.client().get("/v1/users").ok(200);

    assert!(service.terminate().success());
    service.start_again();
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

fn a_setup_that_breaks_rules_says_which_and_leaves_setup_open(backing: &Backing) {
    let service = Service::on(backing);
    let token = service.setup_token();
    let body =
        json!({"setup_token": token, "email": "not an address", "password": "hunter2", "name": "a\u{7}b"});
    let answer = service.client().post("/v1/setup", &body);
    let problem = answer.problem(422, "validation");
    let pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["pointer"])
        .collect();
    assert_eq!(pointers, ["/email", "/name", "/password"]);
    assert!(!answer.text().contains("hunter2") && !answer.text().contains(&token));
    service.admin();
}

fn a_configured_token_is_the_setup_token_and_is_not_printed(backing: &Backing) {
    let token = "the operator chose this one";
    let service = Launch::on(backing).env("DOORWARD_SETUP__TOKEN", token).start();
    assert_eq!(service.output(), "");
    let body = json!({"setup_token": token, "email": "ada@example.org", "password": PASSWORD});
    service.client().post("/v1/setup", &body).ok(201);
    assert!(!service.log().contains(token));
}

fn a_lost_token_is_replaced_by_a_command(backing: &Backing) {
    let mut service = Service::on(backing);
    let lost = service.setup_token();
    let ended = service.run(&["setup-token"], "");
    assert_eq!(ended.status, 0, "{ended:?}");
    let token = ended.stdout.trim_end();
    assert!(token.starts_with("dws_") && !token.contains(char::is_whitespace));
    assert!(!ended.stderr.contains(token));
    let body = |token: &str| json!({"setup_token": token, "email": "ada@example.org", "password": PASSWORD});
    // The service that is running knows at once.
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

fn an_administrator_made_by_a_command_closes_setup(backing: &Backing) {
    let service = Service::on(backing);
    let create = |email: &str, flags: &[&str], password: &str| {
        let arguments = [&["users", "create", "--password-stdin", "--email", email], flags].concat();
        service.run(&arguments, password)
    };
    let line = format!("{PASSWORD}\r\nand another line\n");
    let user = create("grace@example.org", &["--name", "Grace"], &line);
    assert_eq!(user.status, 0, "{user:?}");
    let client = service.client();
    let grace = Person::login(&client, "grace@example.org", PASSWORD);
    assert_eq!(grace.id, user.stdout.trim_end());
    assert_eq!(grace.pair["user"]["name"], "Grace");
    assert_eq!(grace.pair["user"]["roles"], json!(["user"]));

    let admin = create("ada@example.org", &["--admin"], PASSWORD);
    assert_eq!(admin.status, 0, "{admin:?}");
    let ada = Person::login(&client, "ada@example.org", PASSWORD);
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

fn the_schema_can_be_brought_up_to_date_by_a_command(backing: &Backing) {
    let home = crate::support::directory();
    let migrate = || crate::support::run(Launch::on(backing).command(home.path(), &["migrate"]), "");
    let first = migrate();
    assert_eq!(first.status, 0, "{first:?}");
    assert!(first.stdout.starts_with("applied: "), "{first:?}");
    assert_eq!(
        (migrate().status, migrate().stdout.as_str()),
        (0, "the schema is up to date\n")
    );
    let service = Service::on(backing);
    assert!(!service.log().contains("schema brought up to date"));
    service.admin();
}

#[test]
fn the_api_document_that_is_printed_is_the_one_that_is_served() {
    let service = Service::on(&Backing::sqlite());
    let printed = service.run(&["openapi"], "");
    assert_eq!((printed.status, printed.stderr.as_str()), (0, ""));
    let served = service.client().get("/openapi.json").ok(200);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&printed.stdout).unwrap(),
        served
    );
}
