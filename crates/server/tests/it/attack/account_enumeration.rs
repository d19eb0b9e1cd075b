//! Learning from responses whether there is an account, or a session.

use serde_json::{Value, json};

use crate::harness::client::Response;
use crate::harness::users::{PASSWORD, TestUser};

use super::remote_client::{RemoteClient, run_concurrently};
use super::report::{Row, Tally};
use super::target::{Target, admin};

/// All that is in an response but what differs between any two: the name of the request, the time that is left to wait.
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

/// A row that says whether all of these are the same response.
fn alike(attack: &'static str, what: &str, status: u16, responses: &[Response]) -> Row {
    let contents: Vec<_> = responses.iter().map(content).collect();
    let same = contents.windows(2).all(|pair| pair[0] == pair[1]);
    let outcome = if same {
        format!(
            "{} responses, the same but for their names: {}",
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

pub fn responses(target: &Target<'_>) -> Vec<Row> {
    let service = target.launch().start();
    let admin = admin(&service);
    let make = |name: &str| {
        let email = format!("{name}@example.org");
        let remote = RemoteClient::at([127, 205, 0, 1], service.address());
        remote.register(&email, PASSWORD).ok(201);
        let pair = remote.login(&email, PASSWORD).ok(200);
        (email, pair)
    };
    let (known, _) = make("told-known");
    let (disabled, _) = make("told-disabled");
    let (_, ended) = make("told-ended");
    let (_, deleted) = make("told-deleted");
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
        "told-deleted@example.org",
        "told-nobody@example.org",
    ];
    let mut guess = |password: &str| -> Vec<Response> {
        emails
            .iter()
            .map(|email| ask("/v1/auth/login", &json!({"email": email, "password": password})))
            .collect()
    };
    let wrong = guess("a wrong password");
    let overlong = guess(&"x".repeat(5000));
    let refused = loop {
        let responses = guess("a wrong password");
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
    let caller: TestUser = service.new_user("told-caller");
    let foreign: Vec<_> = [path(&deleted), disabled_path, "/v1/users/nobody".to_owned()]
        .iter()
        .map(|path| caller.client().get(path))
        .collect();
    vec![
        alike(
            "a wrong password",
            "known, disabled, deleted and unknown",
            401,
            &wrong,
        ),
        alike(
            "an overlong password",
            "known, disabled, deleted and unknown",
            401,
            &overlong,
        ),
        alike(
            "too many guesses",
            "known, disabled, deleted and unknown",
            429,
            &refused,
        ),
        alike(
            "a dead refresh token",
            "ended, deleted and made up",
            401,
            &refreshed,
        ),
        alike(
            "a logout with a dead token",
            "ended, deleted and made up",
            204,
            &ended_again,
        ),
        alike("somebody else's account by its id", "there or not", 403, &foreign),
        registrations(target, &known),
    ]
}

/// That an address is taken has to be told to whoever registers it. How often one may ask is bounded.
fn registrations(target: &Target<'_>, known: &str) -> Row {
    let service = target.launch().set("throttle.sensitive.per_minute", "1").start();
    let remote = RemoteClient::at([127, 205, 0, 2], service.address());
    let responses = run_concurrently(4, 50, |_| remote.register(known, "another fine password"));
    let tally = Tally::of(&responses);
    let told = tally.count(409, "email-taken");
    Row::new(
        "asking by registering who is there",
        "told, no oftener than an address may ask: 10 to 12 times",
        tally.to_string(),
        tally.is_only(&[(409, "email-taken"), (429, "rate-limited")]) && (10..=12).contains(&told),
    )
}
