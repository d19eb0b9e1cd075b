//! Revocation of access tokens before they expire: immediately on the same instance, within a second on others.

use std::time::{Duration, Instant};

use doorward_domain::token::revocation_digest;
use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::database::{Database, on_both_databases};
use crate::harness::process::eventually;
use crate::harness::response_schema::{assert_members, instant};
use crate::harness::service::{Launch, Service};
use crate::harness::users::{TestUser, refresh};

on_both_databases!(
    ending_a_session_revokes_its_access_token_immediately,
    changing_a_user_revokes_earlier_tokens_but_not_later_ones,
    the_revocation_feed_lists_digests_and_no_identifiers,
    revocations_survive_a_restart,
    another_instance_rejects_a_revoked_token_within_a_second,
);

/// Asserts that a token is rejected on routes answered from memory and on routes that use the database.
fn assert_revoked(client: &Client, token: &str) {
    for path in ["/v1/auth/me", "/v1/account", "/v1/account/sessions"] {
        client.with_token(token).get(path).problem(401, "invalid-token");
    }
}

fn assert_accepted(client: &Client, token: &str) {
    client.with_token(token).get("/v1/auth/me").ok(200);
}

fn ending_a_session_revokes_its_access_token_immediately(database: &Database) {
    let service = Service::on(database);
    let client = service.client();
    let first = service.new_user("ada");
    let (second, third, fourth) = (first.login_again(), first.login_again(), first.login_again());

    second.logout();
    assert_revoked(&client, &second.access());
    assert_accepted(&client, &first.access());

    first
        .client()
        .delete(&format!("/v1/account/sessions/{}", third.session()))
        .is_empty(204);
    assert_revoked(&client, &third.access());
    first.client().delete("/v1/account/sessions").is_empty(204);
    assert_revoked(&client, &fourth.access());
    refresh(&client, &fourth.refresh_token()).problem(401, "invalid-refresh-token");
    assert_accepted(&client, &first.access());

    first.client().post_empty("/v1/auth/logout-all").is_empty(204);
    assert_revoked(&client, &first.access());
}

fn changing_a_user_revokes_earlier_tokens_but_not_later_ones(database: &Database) {
    let service = Service::on(database);
    let (client, admin) = (service.client(), service.admin());
    let mut user = service.new_user("ada");

    let before = user.access();
    admin
        .client()
        .json(
            "PUT",
            &format!("{}/roles", user.path()),
            &json!({"roles": ["user", "billing"]}),
        )
        .ok(200);
    assert_revoked(&client, &before);
    user.refresh();
    assert_accepted(&client, &user.access());

    for status in ["disabled", "active"] {
        admin
            .client()
            .json("PATCH", &user.path(), &json!({"status": status}))
            .ok(200);
        assert_revoked(&client, &user.access());
    }
    let anew = user.login_again();
    assert_accepted(&client, &anew.access());

    admin.client().delete(&user.path()).is_empty(204);
    assert_revoked(&client, &anew.access());
    assert_accepted(&client, &admin.access());
}

/// Whether the list contains the digests of the session and of the user.
fn listed(list: &Value, user: &TestUser) -> (bool, Option<u64>) {
    let session = json!(revocation_digest(&user.session()));
    let user = revocation_digest(user.path().rsplit('/').next().unwrap());
    (
        list["sessions"].as_array().unwrap().contains(&session),
        list["users"][user].as_u64(),
    )
}

fn the_revocation_feed_lists_digests_and_no_identifiers(database: &Database) {
    let service = Service::on(database);
    let (client, admin) = (service.client(), service.admin());
    let (ada, eve) = (service.new_user("ada"), service.new_user("eve"));

    let empty = client.get("/v1/revocations");
    let list = empty.ok(200);
    assert_members(&list, &["as_of", "cursor", "max_age_in", "sessions", "users"]);
    instant(&list["as_of"]);
    assert_eq!(list["max_age_in"], 1025);
    assert_eq!(
        (listed(&list, &ada), listed(&list, &eve)),
        ((false, None), (false, None))
    );
    let tag = empty.header("etag").unwrap().to_owned();
    client
        .with_header("If-None-Match", &tag)
        .get("/v1/revocations")
        .is_empty(304);

    ada.logout();
    let response = client.with_header("If-None-Match", &tag).get("/v1/revocations");
    let list = response.ok(200);
    assert_eq!(
        (listed(&list, &ada), listed(&list, &eve)),
        ((true, None), (false, None))
    );
    let digest = list["sessions"][0].as_str().unwrap();
    assert_eq!((digest.len(), digest.contains(['+', '/', '='])), (22, false));
    assert!(!response.text().contains(&ada.session()));

    let cursor = list["cursor"].as_str().unwrap();
    let newer = client.get(&format!("/v1/revocations?cursor={cursor}")).ok(200);
    assert_eq!((&newer["sessions"], &newer["users"]), (&json!([]), &json!({})));
    admin
        .client()
        .json("PUT", &format!("{}/roles", eve.path()), &json!({"roles": []}))
        .ok(200);
    let newer = client.get(&format!("/v1/revocations?cursor={cursor}")).ok(200);
    assert_eq!(
        (listed(&newer, &ada), listed(&newer, &eve)),
        ((false, None), (false, Some(2)))
    );

    for cursor in ["x", "-1", "%00", "1.5"] {
        client
            .get(&format!("/v1/revocations?cursor={cursor}"))
            .problem(400, "malformed-request");
    }
}

fn revocations_survive_a_restart(database: &Database) {
    let mut service = Service::on(database);
    let user = service.new_user("ada");
    let other = user.login_again();
    user.logout();
    service.kill();
    service.restart();
    let client = service.client();
    // From the first response on: the list is read before connections are accepted.
    assert_revoked(&client, &user.access());
    assert_accepted(&client, &other.access());
}

#[expect(clippy::disallowed_methods, reason = "the bound is on time as it passes")]
fn another_instance_rejects_a_revoked_token_within_a_second(database: &Database) {
    // Both instances need the same master key, which on SQLite is otherwise in the first one's directory.
    let key = "rkSKyGxOjk3sZFcpcI70GHOuecbf+E7/czYJiUh/COU=";
    let launch = Launch::on(database).set("keys.master_key", key);
    let (first, second) = (launch.clone().start(), launch.start());
    let user = first.new_user("ada");
    assert_accepted(&second.client(), &user.access());
    user.logout();
    let since = Instant::now();
    let elsewhere = second.client().with_token(&user.access());
    eventually("the other instance rejects the token", || {
        (elsewhere.get("/v1/auth/me").status == 401).then_some(())
    });
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
}
