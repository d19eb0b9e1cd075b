//! The challenge that every 401 has (RFC 9110, section 15.5.2): `Bearer`, so that no browser asks for a password.

use serde_json::json;

use crate::harness::client::Response;
use crate::harness::database::{Database, on_both_databases};
use crate::harness::openapi::operations;
use crate::harness::service::Service;
use crate::harness::users::login;

on_both_databases!(every_401_has_a_bearer_challenge);

fn assert_challenge(response: &Response) {
    response.is(401);
    let challenge = response.header("www-authenticate");
    assert!(
        challenge.is_some_and(|challenge| challenge.starts_with("Bearer")),
        "{response:?}"
    );
}

fn every_401_has_a_bearer_challenge(database: &Database) {
    let service = Service::on(database);
    let client = service.client();
    let grace = service.new_user("grace");
    let mut refused = 0;
    for operation in operations(&client) {
        let body = operation.body.is_some().then(|| b"{}".to_vec());
        for caller in [
            client.clone(),
            client.with_token("nonsense"),
            client.with_header("authorization", "Basic YTpi"),
        ] {
            let caller = caller.with_header("content-type", "application/json");
            let response = caller.send(&operation.method, &operation.path_of("x"), body.clone());
            if operation.permission != "public" {
                assert_challenge(&response);
                refused += 1;
            }
        }
    }
    assert!(refused > 50, "{refused}");
    // The credentials of these are in the body.
    assert_challenge(&login(&client, &grace.email, "a wrong password"));
    assert_challenge(&login(&client, "nobody@example.org", "a wrong password"));
    assert_challenge(&client.post("/v1/auth/refresh", &json!({"refresh_token": "x"})));
    let change = json!({"current_password": "a wrong password", "new_password": "another fine password 7"});
    assert_challenge(&grace.client().post("/v1/account/password", &change));
    assert_challenge(
        &grace
            .client()
            .post("/v1/account/deletion", &json!({"password": "a wrong password"})),
    );
    grace.logout();
    assert_challenge(&grace.try_refresh());
    assert_challenge(&grace.client().get("/v1/account"));
}
