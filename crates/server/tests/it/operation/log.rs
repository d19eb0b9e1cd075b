//! The log: what is recorded, and that no secret is.

use serde_json::{Value, json};

use crate::harness::database::{Database, on_both_databases};
use crate::harness::raw;
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, TestUser, login, refresh};

on_both_databases!(no_secret_is_logged_at_any_level);

/// The most verbose level of our own code, and then of every library that might log secrets.
const LEVELS: [&str; 2] = [
    "trace",
    "trace,doorward=trace,doorward_http=trace,doorward_persistence=trace,actix_http=trace,actix_web=trace,\
     actix_server=trace,actix_rt=trace,actix_router=trace,actix_governor=trace,governor=trace,tokio=trace,mio=trace,\
     diesel=trace,r2d2=trace,jsonwebtoken=trace,argon2=trace,zxcvbn=trace",
];

const PEPPER: &str = "cGVwcGVyIGFuZCBzYWx0IGFuZCBzcGljZQ==";

fn no_secret_is_logged_at_any_level(database: &Database) {
    let mut secrets = vec![PEPPER.to_owned()];
    for (number, level) in LEVELS.into_iter().enumerate() {
        let service = Launch::on(database)
            .set("log.level", level)
            .env("DOORWARD_PASSWORD__PEPPER", PEPPER)
            .start();
        if number == 0 {
            secrets.push(service.setup_token());
            service.admin();
        }
        secrets.extend(send_secrets(&service, number));
        let log = service.log();
        assert!(
            log.contains("\"request completed\"") && log.contains("\"TRACE\""),
            "{log}"
        );
        for secret in &secrets {
            let line = log.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(line, None, "{secret} is logged at {level}");
        }
    }
}

/// Sends valid and invalid requests with every kind of secret, and returns the secrets.
fn send_secrets(service: &Service, number: usize) -> Vec<String> {
    let client = service.client();
    let passwords = [
        "seven-tame-elderberries-A",
        "eight-calm-gooseberries-B",
        "wrong-secret-C",
    ];
    let [first, second, wrong] = passwords.map(|password| format!("{password}{number}"));
    let email = format!("grace{number}@example.org");
    let body = json!({"email": email, "password": first});
    client.post("/v1/auth/register", &body).ok(201);
    client
        .post("/v1/auth/register", &body)
        .problem(409, "email-taken");
    let weak = json!({"email": "x", "password": wrong, "name": wrong});
    client.post("/v1/auth/register", &weak).problem(422, "validation");
    login(&client, &email, &wrong).problem(401, "invalid-credentials");
    login(&client, "nobody@example.org", &wrong).problem(401, "invalid-credentials");
    // The password typed into the wrong field.
    login(&client, &first, &email).problem(401, "invalid-credentials");
    let mut grace = TestUser::login(&client, &email, &first);
    let mut secrets = vec![grace.access(), grace.refresh_token()];
    grace.refresh();
    secrets.extend([grace.access(), grace.refresh_token()]);

    let me = grace.client();
    me.get("/v1/auth/me").ok(200);
    me.get("/v1/account/sessions").ok(200);
    me.get("/v1/users").problem(403, "forbidden");
    let body = json!({"current_password": wrong, "new_password": second});
    me.post("/v1/account/password", &body)
        .problem(401, "invalid-credentials");
    let body = json!({"current_password": first, "new_password": second});
    me.post("/v1/account/password", &body).is_empty(204);
    let admin = TestUser::login(&client, "root@example.org", PASSWORD);
    let body = json!({"email": format!("x{number}@example.org"), "password": first});
    admin.client().post("/v1/users", &body).ok(201);
    secrets.extend([admin.access(), admin.refresh_token(), PASSWORD.to_owned()]);

    // Secrets in places where they do not belong.
    let token = grace.access();
    let forged = format!("{}x", token.trim_end_matches('x'));
    client
        .with_token(&forged)
        .get("/v1/auth/me")
        .problem(401, "invalid-token");
    client.get(&format!("/v1/auth/me?access_token={token}")).is(401);
    client.get(&format!("/{token}")).problem(404, "not-found");
    client.get(&format!("/v1/users/{first}")).is(401);
    admin
        .client()
        .get(&format!("/v1/users?email={first}&x={wrong}"))
        .is(400);
    client
        .with_header("authorization", &format!("Basic {first}"))
        .get("/v1/auth/me")
        .is(401);
    client
        .with_header("user-agent", "curl")
        .with_header("cookie", &token)
        .get("/v1/auth/me")
        .is(401);
    client
        .json("POST", "/v1/auth/login", &json!({"password": [wrong]}))
        .is(400);
    client
        .json("POST", "/v1/auth/login", &json!({ &wrong: 1 }))
        .is(400);
    client
        .with_header("content-type", "application/json")
        .send("POST", "/v1/auth/login", Some(format!("{{{first}").into_bytes()))
        .is(400);
    let bearer = format!("Authorization: Bearer {token}");
    let line = "GET /v1/auth/me HTTP/1.1";
    raw::head(service.address(), &[line, &bearer]);
    raw::head(service.address(), &[line, "Host: a", &bearer, "Broken \0 header"]);
    raw::head(service.address(), &["GET /v1 HTTP/3.0", "Host: a", &bearer]);
    let body = json!({"setup_token": wrong, "email": email, "password": first});
    client.post("/v1/setup", &body).problem(403, "setup-closed");
    refresh(&client, &wrong).problem(401, "invalid-refresh-token");
    grace.logout();
    grace.try_refresh().problem(401, "invalid-refresh-token");
    let back = TestUser::login(&client, &email, &second);
    back.client()
        .post("/v1/account/deletion", &json!({"password": wrong}))
        .problem(401, "invalid-credentials");
    back.client()
        .post("/v1/account/deletion", &json!({"password": second}))
        .is_empty(204);
    secrets.extend([back.access(), back.refresh_token()]);
    // A signature completes a token whose other parts are known.
    let signatures: Vec<_> = secrets
        .iter()
        .filter_map(|token| token.rsplit_once('.'))
        .collect();
    let signatures: Vec<_> = signatures
        .iter()
        .map(|(_, signature)| (*signature).to_owned())
        .collect();
    secrets.extend(signatures);
    secrets.extend([first, second, wrong]);
    secrets
}

/// Client input cannot break a log line or forge an event.
#[test]
fn every_log_event_is_one_line_whatever_the_client_sends() {
    let database = Database::sqlite();
    let service = Launch::on(&database).set("log.level", "trace").start();
    let grace = service.new_user("grace");
    let forged = "x\r\n{\"level\":\"INFO\",\"message\":\"forged\"}\u{1b}[2J\u{9b}1m\u{2028}\u{85}\u{0}";
    let odd = forged.trim_end_matches('\0');
    login(&service.client(), odd, odd).problem(401, "invalid-credentials");
    login(&service.client(), &format!("{odd}@example.org"), odd).problem(401, "invalid-credentials");
    let body = json!({"email": odd, "password": odd, "name": odd});
    service
        .client()
        .post("/v1/auth/register", &body)
        .problem(422, "validation");
    for agent in [
        "a\x1b[31mb",
        "a\tb",
        "\u{e9}\u{9b}",
        "a\u{7f}b",
        "{\"level\":\"forged\"}",
    ] {
        let token = format!("Authorization: Bearer {}", grace.access());
        for target in [
            "GET /v1/auth/me",
            "GET /forged%0d%0a%1b[2J",
            "FORGED /v1/auth/login",
        ] {
            let line = format!("{target} HTTP/1.1");
            let agent = format!("User-Agent: {agent}");
            raw::head(service.address(), &[&line, "Host: forged", &agent, &token]);
        }
    }
    let login = json!({"email": grace.email, "password": PASSWORD});
    let agent = service.client().with_header("user-agent", "caf\u{e9}\tforged");
    agent.post("/v1/auth/login", &login).ok(200);
    let log = service.log();
    assert!(!log.contains(|c: char| c.is_control() && c != '\n'), "{log:?}");
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_ne!(event["message"], "forged");
        assert!(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].contains(&event["level"].as_str().unwrap()));
    }
}

#[test]
fn a_request_is_logged_with_its_request_id() {
    let database = Database::sqlite();
    let service = Service::on(&database);
    let response = login(&service.client(), "nobody@example.org", PASSWORD);
    let id = response.problem(401, "invalid-credentials")["request_id"].clone();
    let log = service.log();
    let events: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|event: &Value| event["request_id"] == id)
        .collect();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["message"], "request completed");
    assert_eq!(events[0]["route"], "/v1/auth/login");
    assert_eq!(events[0]["status"], 401);
    assert_eq!(events[0]["code"], "invalid-credentials");
    assert_eq!(events[0]["ip"], "127.0.0.1");
}

/// The parts of a slow login can be told apart: each span is logged with its duration when it closes.
#[test]
fn a_login_is_traced_through_its_spans() {
    let service = Launch::on(&Database::sqlite())
        .set("log.level", "info,doorward_http=debug,doorward_runtime=debug")
        .start();
    service.new_user("grace");
    let response = login(&service.client(), "grace@example.org", PASSWORD);
    response.is(200);
    let id = response.header("x-request-id").unwrap().to_owned();
    let log = service.log();
    let closed: Vec<Vec<String>> = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["message"] == "close")
        .map(|mut line| {
            assert!(
                line["time.idle"].is_string() && line["time.busy"].is_string(),
                "{line}"
            );
            // Those around it, from the outermost, and itself.
            let mut spans: Vec<Value> = line["spans"].as_array().cloned().unwrap_or_default();
            spans.push(line["span"].take());
            spans
        })
        .filter(|spans| spans[0]["request_id"] == id.as_str())
        .map(|spans| {
            spans
                .iter()
                .map(|span| span["name"].as_str().unwrap().to_owned())
                .collect()
        })
        .collect();
    let count = |path: &[&str]| closed.iter().filter(|spans| *spans == path).count();
    // Looked up, counted (one statement, and one that reads the account) and completed on the storage lane, verified on the
    // password lane.
    assert_eq!(count(&["request"]), 1, "{closed:#?}");
    assert_eq!(count(&["request", "use_case"]), 1, "{closed:#?}");
    assert_eq!(count(&["request", "use_case", "executor.wait"]), 4, "{closed:#?}");
    assert_eq!(count(&["request", "use_case", "hash"]), 1, "{closed:#?}");
    assert_eq!(count(&["request", "use_case", "transaction"]), 4, "{closed:#?}");
}
