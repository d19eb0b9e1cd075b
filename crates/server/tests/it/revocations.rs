//! Access tokens that become untrue before they expire: at once where it was asked for, soon everywhere else.

use std::time::{Duration, Instant};

use doorward_domain::token::revocation_digest;
use serde_json::{Value, json};

use crate::backing::{Backing, on_both};
use crate::client::Client;
use crate::people::{Person, refresh};
use crate::service::{Launch, Service};
use crate::shapes::{assert_members, instant};
use crate::support::eventually;

on_both!(
    an_ended_session_is_over_for_its_access_token_at_once,
    a_change_of_the_user_is_told_from_what_came_after,
    the_list_tells_what_was_revoked_and_names_nobody,
    what_was_revoked_stays_so_after_a_restart,
    another_instance_follows_within_the_bound,
);

/// Asserts that a token is refused on a route that is answered from memory and on one that asks the database.
fn assert_revoked(client: &Client, token: &str) {
    for path in ["/v1/auth/me", "/v1/account", "/v1/account/sessions"] {
        client.bearing(token).get(path).problem(401, "invalid-token");
    }
}

fn assert_good(client: &Client, token: &str) {
    client.bearing(token).get("/v1/auth/me").ok(200);
}

fn an_ended_session_is_over_for_its_access_token_at_once(backing: &Backing) {
    let service = Service::on(backing);
    let client = service.client();
    let first = service.person("ada");
    let (second, third, fourth) = (first.again(), first.again(), first.again());

    second.logout();
    assert_revoked(&client, &second.access());
    assert_good(&client, &first.access());

    first
        .client()
        .delete(&format!("/v1/account/sessions/{}", third.session()))
        .is_empty(204);
    assert_revoked(&client, &third.access());
    first.client().delete("/v1/account/sessions").is_empty(204);
    assert_revoked(&client, &fourth.access());
    refresh(&client, &fourth.refresh_token()).problem(401, "invalid-refresh-token");
    assert_good(&client, &first.access());

    first.client().post_nothing("/v1/auth/logout-all").is_empty(204);
    assert_revoked(&client, &first.access());
}

fn a_change_of_the_user_is_told_from_what_came_after(backing: &Backing) {
    let service = Service::on(backing);
    let (client, admin) = (service.client(), service.admin());
    let mut person = service.person("ada");

    let before = person.access();
    admin
        .client()
        .json(
            "PUT",
            &format!("{}/roles", person.path()),
            &json!({"roles": ["user", "billing"]}),
        )
        .ok(200);
    assert_revoked(&client, &before);
    person.refresh();
    assert_good(&client, &person.access());

    for status in ["disabled", "active"] {
        admin
            .client()
            .json("PATCH", &person.path(), &json!({"status": status}))
            .ok(200);
        assert_revoked(&client, &person.access());
    }
    let anew = person.again();
    assert_good(&client, &anew.access());

    admin.client().delete(&person.path()).is_empty(204);
    assert_revoked(&client, &anew.access());
    assert_good(&client, &admin.access());
}

/// Whether the list names the session and the user of somebody, as anybody could find out who has the token.
fn listed(list: &Value, person: &Person) -> (bool, Option<u64>) {
    let session = json!(revocation_digest(&person.session()));
    let user = revocation_digest(person.path().rsplit('/').next().unwrap());
    (
        list["sessions"].as_array().unwrap().contains(&session),
        list["users"][user].as_u64(),
    )
}

fn the_list_tells_what_was_revoked_and_names_nobody(backing: &Backing) {
    let service = Service::on(backing);
    let (client, admin) = (service.client(), service.admin());
    let (ada, eve) = (service.person("ada"), service.person("eve"));

    let empty = client.get("/v1/revocations");
    let list = empty.ok(200);
    assert_members(&list, &["as_of", "cursor", "max_age_in", "sessions", "users"]);
    instant(&list["as_of"]);
    assert_eq!(list["max_age_in"], 905);
    assert_eq!(
        (listed(&list, &ada), listed(&list, &eve)),
        ((false, None), (false, None))
    );
    let tag = empty.header("etag").unwrap().to_owned();
    client
        .with("If-None-Match", &tag)
        .get("/v1/revocations")
        .is_empty(304);

    ada.logout();
    let answer = client.with("If-None-Match", &tag).get("/v1/revocations");
    let list = answer.ok(200);
    assert_eq!(
        (listed(&list, &ada), listed(&list, &eve)),
        ((true, None), (false, None))
    );
    let digest = list["sessions"][0].as_str().unwrap();
    assert_eq!((digest.len(), digest.contains(['+', '/', '='])), (22, false));
    assert!(!answer.text().contains(&ada.session()));

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

fn what_was_revoked_stays_so_after_a_restart(backing: &Backing) {
    let mut service = Service::on(backing);
    let person = service.person("ada");
    let other = person.again();
    person.logout();
    service.kill();
    service.start_again();
    let client = service.client();
    // From the first answer: the list is read before connections are taken.
    assert_revoked(&client, &person.access());
    assert_good(&client, &other.access());
}

#[expect(clippy::disallowed_methods, reason = "the bound is on time as it passes")]
fn another_instance_follows_within_the_bound(backing: &Backing) {
    // A second process needs the key of the first: on SQLite it is in the first one's directory, and is given.
    let key = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
    let launch = Launch::on(backing).set("keys.master_key", key);
    let (first, second) = (launch.clone().start(), launch.start());
    let person = first.person("ada");
    assert_good(&second.client(), &person.access());
    person.logout();
    let since = Instant::now();
    let elsewhere = second.client().bearing(&person.access());
    eventually("the other instance knows", || {
        (elsewhere.get("/v1/auth/me").status == 401).then_some(())
    });
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
}
