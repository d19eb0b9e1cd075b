//! Register, log in, refresh, log out, and end sessions.

use std::collections::BTreeSet;
use std::thread;

use serde_json::{Value, json};

use crate::harness::database::{Database, on_both_databases};
use crate::harness::process::eventually;
use crate::harness::response_schema::{
    assert_members, assert_pair, assert_session, assert_user, decode, instant,
};
use crate::harness::service::Service;
use crate::harness::users::{PASSWORD, TestUser, login, refresh, text};

on_both_databases!(
    register_login_refresh_and_logout_work_end_to_end,
    failed_logins_return_the_same_response_whatever_the_cause,
    a_logged_out_session_stays_ended_while_other_sessions_continue,
    concurrent_refreshes_with_one_token_return_one_successor,
    replaying_a_refresh_token_ends_the_session,
    logout_with_an_invalid_token_succeeds,
    logout_all_ends_every_session_of_the_user,
    logins_within_one_second_get_distinct_sessions_and_tokens,
    login_rejects_members_other_than_credentials,
    deleting_a_session_by_id_ends_only_that_session,
);

fn register_login_refresh_and_logout_work_end_to_end(database: &Database) {
    let service = Service::on(database);
    let client = service.client();
    let body = json!({"email": "Grace@Example.org", "password": PASSWORD, "name": "Grace"});
    let response = client.post("/v1/auth/register", &body);
    let user = response.ok(201);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_user(&user);
    assert_eq!(user["email"], "Grace@Example.org");
    assert_eq!(user["name"], "Grace");
    assert_eq!(user["roles"], json!(["user"]));
    assert_eq!(user["status"], "active");
    assert_eq!(user["created_at"], user["updated_at"]);

    let response = login(&client, "gRACE@eXAMPLE.org", PASSWORD);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let pair = response.ok(200);
    assert_pair(&pair);
    assert_eq!(pair["user"], user);

    let mut grace = TestUser::login(&client, "grace@example.org", PASSWORD);
    let response = grace.client().get("/v1/auth/me");
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let me = response.ok(200);
    assert_members(&me, &["id", "email", "roles", "session_id", "expires_at"]);
    assert_eq!(me["id"], user["id"]);
    assert_eq!(me["email"], user["email"]);
    assert_eq!(me["roles"], user["roles"]);
    assert_eq!(me["session_id"], grace.pair["session_id"]);
    let (_, claims) = decode(&grace.access());
    assert_eq!(instant(&me["expires_at"]).as_second(), claims["exp"]);

    let before = grace.clone();
    let response = grace.try_refresh();
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_pair(&response.ok(200));
    grace.refresh();
    assert_eq!(grace.session(), before.session());
    assert_ne!(grace.refresh_token(), before.refresh_token());
    assert_ne!(grace.access(), before.access());
    assert_eq!(grace.pair["user"], user);
    assert_eq!(
        decode(&grace.access()).1["auth_time"],
        decode(&before.access()).1["auth_time"]
    );

    grace.logout();
    grace.try_refresh().problem(401, "invalid-refresh-token");
    before.try_refresh().problem(401, "invalid-refresh-token");
}

fn failed_logins_return_the_same_response_whatever_the_cause(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    let grace = service.new_user("grace");
    let disabled = service.new_user("disabled");
    admin
        .client()
        .json("PATCH", &disabled.path(), &json!({"status": "disabled"}))
        .ok(200);
    let mut responses = BTreeSet::new();
    for (email, password) in [
        (grace.email.as_str(), "a wrong password"),
        (&grace.email, ""),
        (&grace.email, "12345678"),
        (&grace.email, &"x".repeat(5000)),
        (&disabled.email, PASSWORD),
        (&disabled.email, "a wrong password"),
        ("nobody@example.org", PASSWORD),
        ("not an address", PASSWORD),
        ("", PASSWORD),
    ] {
        let response = login(&service.client(), email, password);
        let mut problem = response.problem(401, "invalid-credentials");
        problem["request_id"] = Value::Null;
        responses.insert(format!("{problem} {:?}", response.header_names()));
    }
    assert_eq!(responses.len(), 1, "{responses:?}");
}

/// Each session has refresh tokens of its own: another session of the same user never keeps an ended one alive.
fn a_logged_out_session_stays_ended_while_other_sessions_continue(database: &Database) {
    let service = Service::on(database);
    let first = service.new_user("grace");
    let (mut second, mut third) = (first.login_again(), first.login_again());
    first.logout();
    first.try_refresh().problem(401, "invalid-refresh-token");
    second.refresh();
    third.refresh();
    first.try_refresh().problem(401, "invalid-refresh-token");
    let fourth = first.login_again();
    first.try_refresh().problem(401, "invalid-refresh-token");
    fourth.logout();
    second.refresh();
    third.refresh();
    let listed = third.client().get("/v1/account/sessions").ok(200);
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 2);
}

fn concurrent_refreshes_with_one_token_return_one_successor(database: &Database) {
    let service = Service::on(database);
    let mut grace = service.new_user("grace");
    let successors: BTreeSet<_> = thread::scope(|scope| {
        let tabs: Vec<_> = (0..10)
            .map(|_| scope.spawn(|| text(&grace.try_refresh().ok(200)["refresh_token"])))
            .collect();
        tabs.into_iter().map(|tab| tab.join().unwrap()).collect()
    });
    assert_eq!(successors.len(), 1);
    grace.refresh();
    assert!(successors.contains(&grace.refresh_token()));
    grace.refresh();
}

fn replaying_a_refresh_token_ends_the_session(database: &Database) {
    let service = Service::on(database);
    let stolen = service.new_user("grace");
    let other = stolen.login_again();
    let mut owner = stolen.clone();
    owner.refresh();
    owner.refresh();
    // A token two generations old is a replay, whatever the time.
    stolen.try_refresh().problem(401, "invalid-refresh-token");
    owner.try_refresh().problem(401, "invalid-refresh-token");
    other.try_refresh().ok(200);
    let replayed = "SELECT count(*) AS answer FROM events WHERE kind = 'session.replayed'";
    assert_eq!(database.test_database().number(replayed), 1);
    assert_eq!(service.metric("doorward_session_replays_total"), Some(1));
}

fn logout_with_an_invalid_token_succeeds(database: &Database) {
    let service = Service::on(database);
    let grace = service.new_user("grace");
    let client = service.client();
    let logout = |token: &str| client.post("/v1/auth/logout", &json!({"refresh_token": token}));
    let token = grace.refresh_token();
    let mut forged = token.clone().into_bytes();
    let last = forged.last_mut().unwrap();
    *last = if *last == b'A' { b'E' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for nothing in [
        "",
        "dwr_",
        "nonsense",
        &grace.access(),
        &forged,
        &token.to_uppercase(),
    ] {
        logout(nothing).is_empty(204);
        refresh(&client, nothing).problem(401, "invalid-refresh-token");
    }
    grace.try_refresh().ok(200);
    logout(&token).is_empty(204);
    logout(&token).is_empty(204);
    refresh(&client, &token).problem(401, "invalid-refresh-token");
}

fn logout_all_ends_every_session_of_the_user(database: &Database) {
    let service = Service::on(database);
    let grace = service.new_user("grace");
    let (second, bystander) = (grace.login_again(), service.new_user("ada"));
    second.client().post_empty("/v1/auth/logout-all").is_empty(204);
    for ended in [&grace, &second] {
        ended.try_refresh().problem(401, "invalid-refresh-token");
    }
    bystander.try_refresh().ok(200);
    let back = grace.login_again();
    eventually("the new session is the only one", || {
        let listed = back.client().get("/v1/account/sessions").ok(200);
        (listed["sessions"].as_array().unwrap().len() == 1).then_some(())
    });
    grace.try_refresh().problem(401, "invalid-refresh-token");
}

fn logins_within_one_second_get_distinct_sessions_and_tokens(database: &Database) {
    let service = Service::on(database);
    let first = service.new_user("grace");
    let logins: Vec<_> = (0..5).map(|_| first.login_again()).collect();
    let distinct = |what: fn(&TestUser) -> String| logins.iter().map(what).collect::<BTreeSet<_>>().len();
    assert_eq!(distinct(TestUser::session), 5);
    assert_eq!(distinct(TestUser::access), 5);
    assert_eq!(distinct(TestUser::refresh_token), 5);
    assert_eq!(distinct(|user| text(&decode(&user.access()).1["jti"])), 5);
    let seconds: BTreeSet<_> = logins
        .iter()
        .map(|user| decode(&user.access()).1["iat"].as_i64().unwrap())
        .collect();
    assert!(seconds.len() < 5, "no two of five logins were in one second");
}

fn login_rejects_members_other_than_credentials(database: &Database) {
    let service = Service::on(database);
    let grace = service.new_user("grace");
    for (name, value) in [
        ("session_id", grace.session()),
        ("refresh_token", grace.refresh_token()),
        ("access_token", grace.access()),
        ("roles", "admin".to_owned()),
    ] {
        let mut body = json!({"email": grace.email, "password": PASSWORD});
        body[name] = json!(value);
        service
            .client()
            .post("/v1/auth/login", &body)
            .problem(400, "malformed-request");
    }
    // A login with a valid access token opens a session of its own.
    let again = login(grace.client(), &grace.email, PASSWORD).ok(200);
    assert_ne!(again["session_id"], grace.pair["session_id"]);
}

fn deleting_a_session_by_id_ends_only_that_session(database: &Database) {
    let service = Service::on(database);
    let (grace, stranger) = (service.new_user("grace"), service.new_user("stranger"));
    let mut other = grace.login_again();
    let response = grace.client().get("/v1/account/sessions");
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let listed = response.ok(200);
    let sessions = listed["sessions"].as_array().unwrap();
    sessions.iter().for_each(assert_session);
    assert_eq!(sessions.len(), 2);
    for session in sessions {
        assert_eq!(session["current"], session["id"] == grace.session());
    }

    let path = format!("/v1/account/sessions/{}", other.session());
    stranger.client().delete(&path).problem(404, "not-found");
    other.refresh();
    grace.client().delete(&path).is_empty(204);
    other.try_refresh().problem(401, "invalid-refresh-token");
    grace.client().delete(&path).problem(404, "not-found");
    for nothing in [
        "x",
        "00000000-0000-7000-8000-000000000000",
        &grace.id,
        "%00",
        "%ff",
    ] {
        let path = format!("/v1/account/sessions/{nothing}");
        grace.client().delete(&path).problem(404, "not-found");
    }
    grace.try_refresh().ok(200);
    stranger.try_refresh().ok(200);
}
