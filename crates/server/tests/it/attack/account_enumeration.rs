//! Finding out from responses whether an account or a session exists.

use serde_json::{Value, json};

use crate::harness::client::Response;
use crate::harness::service::Service;
use crate::harness::users::{PASSWORD, TestUser};

use super::remote_client::{RemoteClient, run_concurrently};
use super::report::{ResponseCounts, Row};
use super::target::{Target, admin};

/// The contents of a response, except what always varies: request id, date, remaining wait.
fn content(response: &Response) -> (u16, Vec<String>, Value) {
    let varies = [
        "x-request-id",
        "date",
        "retry-after",
        "ratelimit",
        "ratelimit-policy",
    ];
    let headers = response.header_names().into_iter().map(|name| {
        let value = response.header(name).unwrap();
        let value = if varies.contains(&name) { "…" } else { value };
        format!("{name}: {value}")
    });
    let mut body = if response.text().is_empty() {
        Value::Null
    } else {
        response.body()
    };
    if body.is_object() {
        body["request_id"] = Value::Null;
    }
    (response.status, headers.collect(), body)
}

/// A row that holds if all responses are the same.
fn identical(attack: &'static str, what: &str, status: u16, responses: &[Response]) -> Row {
    let contents: Vec<_> = responses.iter().map(content).collect();
    let same = contents.windows(2).all(|pair| pair[0] == pair[1]);
    let outcome = if same {
        format!(
            "{} responses, identical except for their ids: {}",
            responses.len(),
            contents[0].0
        )
    } else {
        format!("they differ: {responses:?}")
    };
    Row::new(
        attack,
        format!("one response for {what}"),
        outcome,
        same && contents[0].0 == status,
    )
}

pub fn identical_responses(target: &Target<'_>) -> Vec<Row> {
    let service = target.launch().start();
    let admin = admin(&service);
    let make = |name: &str| {
        let email = format!("{name}@example.org");
        let remote = RemoteClient::at([127, 205, 0, 1], service.address());
        remote.register(&email, PASSWORD).ok(201);
        let pair = remote.login(&email, PASSWORD).ok(200);
        (email, pair)
    };
    let (known, _) = make("enumerated-known");
    let (disabled, _) = make("enumerated-disabled");
    let (_, ended) = make("enumerated-ended");
    let (_, deleted) = make("enumerated-deleted");
    let mut random = target.random();
    let mut ask = |path: &str, body: &Value| {
        RemoteClient::at_random_address(&mut random, service.address()).post(path, body)
    };
    let path = |pair: &Value| format!("/v1/users/{}", pair["user"]["id"].as_str().unwrap());
    let id_of = |email: &str| {
        let users = admin.client().get(&format!("/v1/users?email={email}")).ok(200);
        users["users"][0]["id"].as_str().unwrap().to_owned()
    };
    let disable = json!({"status": "disabled"});
    let disabled_path = format!("/v1/users/{}", id_of(&disabled));
    admin.client().json("PATCH", &disabled_path, &disable).ok(200);
    admin.client().delete(&path(&deleted)).is_empty(204);
    let held = |pair: &Value| json!({"refresh_token": pair["refresh_token"]});
    ask("/v1/auth/logout", &held(&ended)).is_empty(204);

    let emails = [
        &known,
        &disabled,
        "enumerated-deleted@example.org",
        "enumerated-nobody@example.org",
    ];
    let mut attempt = |password: &str| -> Vec<Response> {
        emails
            .iter()
            .map(|email| ask("/v1/auth/login", &json!({"email": email, "password": password})))
            .collect()
    };
    let wrong = attempt("a wrong password");
    let overlong = attempt(&"x".repeat(5000));
    let refused = loop {
        let responses = attempt("a wrong password");
        if responses.iter().all(|response| response.status == 429) {
            break responses;
        }
    };
    let tokens = [
        held(&ended),
        held(&deleted),
        json!({"refresh_token": ended["access_token"]}),
        json!({"refresh_token": ""}),
        json!({"refresh_token": "dwr_AAAA"}),
        json!({"refresh_token": format!("dwr_{}", "A".repeat(80))}),
    ];
    let refreshed: Vec<_> = tokens.iter().map(|body| ask("/v1/auth/refresh", body)).collect();
    let ended_again: Vec<_> = tokens.iter().map(|body| ask("/v1/auth/logout", body)).collect();
    let others = [&path(&deleted), &disabled_path, "/v1/users/nobody"];
    let foreign = request_as_new_user(&service, others);
    vec![
        identical(
            "a wrong password",
            "known, disabled, deleted and unknown",
            401,
            &wrong,
        ),
        identical(
            "an overlong password",
            "known, disabled, deleted and unknown",
            401,
            &overlong,
        ),
        identical(
            "too many attempts",
            "known, disabled, deleted and unknown",
            429,
            &refused,
        ),
        identical(
            "an invalid refresh token",
            "ended, deleted and invalid",
            401,
            &refreshed,
        ),
        identical(
            "a logout with an invalid token",
            "ended, deleted and invalid",
            204,
            &ended_again,
        ),
        identical(
            "another user's account by its id",
            "existing or not",
            403,
            &foreign,
        ),
        registrations(target, &known),
    ]
}

/// Responses to a user who requests these paths of other users.
fn request_as_new_user(service: &Service, paths: [&str; 3]) -> Vec<Response> {
    let caller: TestUser = service.new_user("enumerated-caller");
    paths.map(|path| caller.client().get(path)).into()
}

/// Registration has to reveal that an address is taken. How often a client may ask is limited.
fn registrations(target: &Target<'_>, known: &str) -> Row {
    let service = target.launch().set("throttle.sensitive.per_minute", "1").start();
    let remote = RemoteClient::at([127, 205, 0, 2], service.address());
    let responses = run_concurrently(4, 50, |_| remote.register(known, "another fine password"));
    let counts = ResponseCounts::of(&responses);
    let revealed = counts.count(409, "email-taken");
    Row::new(
        "registering an existing address",
        "revealed only within the limit of an address: 10 to 12 times",
        counts.to_string(),
        counts.is_only(&[(409, "email-taken"), (429, "rate-limited")]) && (10..=12).contains(&revealed),
    )
}
