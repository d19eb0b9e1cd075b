//! Every action, performed over HTTP or on the command line, and read back from the audit log.

use std::collections::BTreeSet;

use doorward_domain::audit::EventKind;
use serde_json::{Value, json};

use super::reader::{Reader, Subjects, user};
use crate::harness::client::Response;
use crate::harness::database::{Database, on_both_databases};
use crate::harness::response_schema::assert_members;
use crate::harness::service::Service;
use crate::harness::users::{PASSWORD, TestUser, login, refresh, text};

on_both_databases!(
    every_action_is_recorded_with_user_actor_client_and_request,
    every_ended_session_is_recorded_with_its_reason,
);

const WRONG: &str = "a wrong password";
const NEW_PASSWORD: &str = "eight tame gooseberries";

/// A service, its first administrator, and a reader of the log.
fn start(database: &Database) -> (Service, TestUser, Reader) {
    let service = Service::on(database);
    let setup = |token: &str, email: &str| {
        let body = json!({"setup_token": token, "email": email, "password": PASSWORD});
        service.client().post("/v1/setup", &body)
    };
    let token = service.setup_token();
    let wrong = setup("not the token", "root@example.org");
    wrong.problem(403, "setup-closed");
    let right = setup(&token, "root@example.org");
    let root = text(&right.ok(201)["id"]);
    let late = setup(&token, "late@example.org");
    late.problem(403, "setup-closed");
    let admin = TestUser::login(&service.client(), "root@example.org", PASSWORD);
    let reader = Reader::new(admin.client());
    let kind = "setup.completed";
    reader.assert_recorded(
        &wrong,
        kind,
        "failure",
        &Subjects::default(),
        &json!({"reason": "wrong-token"}),
    );
    reader.assert_recorded(&right, kind, "success", &user(&root), &json!({}));
    let reason = json!({"reason": "already-completed"});
    reader.assert_recorded(&late, kind, "failure", &Subjects::default(), &reason);
    (service, admin, reader)
}

fn every_action_is_recorded_with_user_actor_client_and_request(database: &Database) {
    let (service, root, log) = start(database);
    let mut secrets = vec![service.setup_token(), root.access(), root.refresh_token()];
    registering_and_logging_in(&service, &root, &log);
    secrets.extend(refreshing(&service, &log));
    ones_own_account(&service, &log);
    other_peoples_accounts(&service, &root, &log);
    the_operator(&service, &log);

    let events = log.events("limit=100");
    let seen: BTreeSet<String> = events.iter().map(|event| text(&event["kind"])).collect();
    let mut all: BTreeSet<String> = EventKind::ALL
        .iter()
        .map(|kind| kind.as_str().to_owned())
        .collect();
    // Tested separately, below and with a mail server.
    all.remove("throttle.refused");
    all.remove("mail.failed");
    assert_eq!(seen, all);

    secrets.extend([PASSWORD, WRONG, NEW_PASSWORD, "example.org"].map(str::to_owned));
    let everything = json!(events).to_string();
    for secret in secrets {
        assert!(secret.len() > 8 && !everything.contains(&secret), "{secret}");
    }
    assert!(!everything.contains("$argon2") && !everything.contains("dwr_") && !everything.contains("dws_"));
}

fn registering_and_logging_in(service: &Service, root: &TestUser, log: &Reader) {
    let client = service.client();
    let register = || {
        let body = json!({"email": "eve@example.org", "password": PASSWORD});
        client.post("/v1/auth/register", &body)
    };
    let registered = register();
    let eve = text(&registered.ok(201)["id"]);
    let no_user = Subjects::default();
    log.assert_recorded(&registered, "user.registered", "success", &user(&eve), &json!({}));
    let taken = json!({"reason": "email-taken"});
    log.assert_recorded(&register(), "user.registered", "failure", &user(&eve), &taken);

    for (email, whom, reason) in [
        ("eve@example.org", &user(&eve), "wrong-password"),
        ("no_user@example.org", &no_user, "unknown-account"),
        ("no address", &no_user, "malformed-email"),
    ] {
        let failed = login(&client, email, WRONG);
        failed.problem(401, "invalid-credentials");
        log.assert_recorded(
            &failed,
            "login.failed",
            "failure",
            whom,
            &json!({"reason": reason}),
        );
    }
    let refused = loop {
        let response = login(&client, "eve@example.org", WRONG);
        if response.status == 429 {
            break response;
        }
        response.is(401);
    };
    log.assert_recorded(
        &refused,
        "login.refused",
        "failure",
        &user(&eve),
        &json!({"count": "1"}),
    );
    let unlocked = root.client().post_empty(&format!("/v1/users/{eve}/unlock"));
    unlocked.is_empty(204);
    log.assert_recorded(
        &unlocked,
        "user.unlocked",
        "success",
        &user(&eve).by(&root.id),
        &json!({}),
    );

    let let_in = login(&client, "eve@example.org", PASSWORD);
    let session = text(&let_in.ok(200)["session_id"]);
    log.assert_recorded(
        &let_in,
        "login.succeeded",
        "success",
        &user(&eve).within(&session),
        &json!({}),
    );
}

/// Returns the refresh tokens that were used.
fn refreshing(service: &Service, log: &Reader) -> Vec<String> {
    let grace = service.new_user("grace");
    let session = grace.session();
    let whom = user(&grace.id).within(&session);
    let first = grace.refresh_token();
    let second = text(&grace.try_refresh().ok(200)["refresh_token"]);
    let elsewhere = refresh(
        &service.client().with_header("user-agent", "elsewhere/1.0"),
        &second,
    );
    // Within the grace window, from the address and client of the rotation, and by another client.
    let from =
        |client: &str, token: &str| refresh(&service.client().with_header("user-agent", client), token);
    from("elsewhere/1.0", &second).ok(200);
    let repeated = from("another/1.0", &second);
    repeated.ok(200);
    let detail = json!({"differs": "client", "generation": "2", "repeat": "1"});
    let event = log.event("session.repeated", &repeated);
    assert_eq!(
        (
            &event["outcome"],
            &event["session_id"],
            &event["user_agent"],
            &event["detail"]
        ),
        (&json!("success"), &json!(session), &json!("another/1.0"), &detail),
    );
    let third = text(&elsewhere.ok(200)["refresh_token"]);
    let moved = log.event("session.refreshed", &elsewhere);
    assert_eq!(
        (&moved["outcome"], &moved["user_agent"]),
        (&json!("success"), &json!("elsewhere/1.0"))
    );
    assert_eq!(
        (&moved["user_id"], &moved["session_id"]),
        (&json!(grace.id), &json!(grace.session()))
    );

    let replayed = refresh(&service.client(), &first);
    replayed.problem(401, "invalid-refresh-token");
    let generations = json!({"presented_generation": "0", "current_generation": "2"});
    log.assert_recorded(&replayed, "session.replayed", "failure", &whom, &generations);
    let ended = refresh(&service.client(), &third);
    ended.problem(401, "invalid-refresh-token");
    let reason = json!({"reason": "session-ended"});
    log.assert_recorded(&ended, "session.refreshed", "failure", &whom, &reason);
    vec![first, second, third, grace.access()]
}

fn ones_own_account(service: &Service, log: &Reader) {
    let ada = service.new_user("ada");
    let renamed = ada.client().json("PATCH", "/v1/account", &json!({"name": "Ada"}));
    renamed.ok(200);
    log.assert_recorded(
        &renamed,
        "user.updated",
        "success",
        &user(&ada.id).by(&ada.id),
        &json!({}),
    );

    let change = |current: &str| {
        let body = json!({"current_password": current, "new_password": NEW_PASSWORD});
        ada.client().post("/v1/account/password", &body)
    };
    let wrong = json!({"reason": "wrong-password"});
    let failed = change(WRONG);
    failed.problem(401, "invalid-credentials");
    assert_failure_recorded(log, &failed, "password.changed", &ada);
    ada.login_again();
    let changed = change(PASSWORD);
    changed.is_empty(204);
    let session = ada.session();
    let whom = user(&ada.id).within(&session);
    log.assert_recorded(&changed, "password.changed", "success", &whom, &json!({}));
    let detail = json!({"reason": "password-changed", "sessions": "1"});
    log.assert_recorded(&changed, "session.ended", "success", &whom, &detail);

    let delete = |password: &str| {
        ada.client()
            .post("/v1/account/deletion", &json!({"password": password}))
    };
    let failed = delete(PASSWORD);
    failed.problem(401, "invalid-credentials");
    assert_failure_recorded(log, &failed, "user.deleted", &ada);
    assert_eq!(log.event("user.deleted", &failed)["detail"], wrong);
    let deleted = delete(NEW_PASSWORD);
    deleted.is_empty(204);
    log.assert_recorded(
        &deleted,
        "user.deleted",
        "success",
        &user(&ada.id).by(&ada.id),
        &json!({}),
    );
}

/// Asserts that the event records a wrong password of this user.
fn assert_failure_recorded(log: &Reader, response: &Response, kind: &str, subject: &TestUser) {
    let event = log.event(kind, response);
    assert_eq!(event["outcome"], "failure", "{event}");
    assert_eq!(event["user_id"], subject.id, "{event}");
    assert_eq!(event["detail"]["reason"], "wrong-password", "{event}");
}

fn other_peoples_accounts(service: &Service, root: &TestUser, log: &Reader) {
    let create = || {
        let body = json!({"email": "bob@example.org", "password": PASSWORD, "roles": ["user", "billing"]});
        root.client().post("/v1/users", &body)
    };
    let created = create();
    let bob = text(&created.ok(201)["id"]);
    let whom = || user(&bob).by(&root.id);
    let roles = json!({"roles": "billing user"});
    log.assert_recorded(&created, "user.created", "success", &whom(), &roles);
    let taken = json!({"reason": "email-taken"});
    log.assert_recorded(&create(), "user.created", "failure", &whom(), &taken);

    let path = format!("/v1/users/{bob}");
    let update = |body: Value| root.client().json("PATCH", &path, &body);
    let renamed = update(json!({"name": "Bob", "status": "disabled"}));
    renamed.ok(200);
    log.assert_recorded(&renamed, "user.updated", "success", &whom(), &json!({}));
    let status = json!({"status": "disabled"});
    log.assert_recorded(&renamed, "user.status-changed", "success", &whom(), &status);
    let failed = login(&service.client(), "bob@example.org", PASSWORD);
    let reason = json!({"reason": "account-disabled"});
    log.assert_recorded(&failed, "login.failed", "failure", &user(&bob), &reason);

    let set = |id: &str, roles: Value| {
        let path = format!("/v1/users/{id}/roles");
        root.client().json("PUT", &path, &json!({"roles": roles}))
    };
    let demoted = set(&bob, json!(["user"]));
    demoted.ok(200);
    let before_and_after = json!({"before": "billing user", "after": "user"});
    log.assert_recorded(
        &demoted,
        "user.roles-changed",
        "success",
        &whom(),
        &before_and_after,
    );
    let refused = set(&root.id, json!(["user"]));
    refused.problem(409, "last-admin");
    let detail = json!({"before": "admin user", "after": "user", "reason": "last-admin"});
    let whom_root = user(&root.id).by(&root.id);
    log.assert_recorded(&refused, "user.roles-changed", "failure", &whom_root, &detail);
    let deleted = root.client().delete(&path);
    deleted.is_empty(204);
    log.assert_recorded(&deleted, "user.deleted", "success", &whom(), &json!({}));
}

/// Command-line actions have no client address, and a request id of their own.
fn the_operator(service: &Service, log: &Reader) {
    let said = service.run(
        &[
            "users",
            "create",
            "--email",
            "olga@example.org",
            "--password-stdin",
        ],
        &format!("{PASSWORD}\n"),
    );
    assert_eq!(said.status, 0, "{said:?}");
    let olga = said.stdout.trim();
    let mut events = log.events(&format!("kind=user.created&user_id={olga}"));
    assert_eq!(events.len(), 1);
    let members = events[0].as_object_mut().unwrap();
    for name in ["id", "at", "request_id"] {
        assert!(members.remove(name).is_some());
    }
    let expected = json!({
        "kind": "user.created", "outcome": "success", "user_id": olga,
        "detail": {"by": "operator", "roles": "user"},
    });
    assert_eq!(events[0], expected);

    let said = service.run(&["keys", "rotate"], "");
    assert_eq!(said.status, 0, "{said:?}");
    let rotated = log.events("kind=key.rotated");
    let by_command: Vec<_> = rotated
        .iter()
        .filter(|event| event["detail"]["reason"] == "command")
        .collect();
    assert_eq!(by_command.len(), 2, "{rotated:?}");
    for event in by_command {
        assert!(event.get("ip").is_none() && event.get("user_id").is_none());
        assert_members(
            &event["detail"],
            &["kid", "purpose", "algorithm", "ordinal", "reason"],
        );
    }
}

fn every_ended_session_is_recorded_with_its_reason(database: &Database) {
    let (service, root, log) = start(database);
    let grace = service.new_user("grace");
    let others: Vec<TestUser> = (0..3).map(|_| grace.login_again()).collect();
    let kind = "session.ended";
    let within = |session: &str, response: &Response, detail: &Value| {
        log.assert_recorded(
            response,
            kind,
            "success",
            &user(&grace.id).within(session),
            detail,
        );
    };

    let body = json!({"refresh_token": others[0].refresh_token()});
    let response = service.client().post("/v1/auth/logout", &body);
    response.is_empty(204);
    within(&others[0].session(), &response, &json!({"reason": "logged-out"}));

    let path = format!("/v1/account/sessions/{}", others[1].session());
    let response = grace.client().delete(&path);
    response.is_empty(204);
    within(
        &others[1].session(),
        &response,
        &json!({"reason": "ended-by-user"}),
    );

    let response = grace.client().delete("/v1/account/sessions");
    response.is_empty(204);
    let detail = json!({"reason": "ended-by-user", "sessions": "1"});
    within(&grace.session(), &response, &detail);

    let response = grace.client().post_empty("/v1/auth/logout-all");
    response.is_empty(204);
    let detail = json!({"reason": "logged-out-everywhere", "sessions": "1"});
    within(&grace.session(), &response, &detail);

    grace.login_again();
    let response = root.client().delete(&format!("{}/sessions", grace.path()));
    response.is_empty(204);
    let detail = json!({"reason": "ended-by-admin", "sessions": "1"});
    log.assert_recorded(&response, kind, "success", &user(&grace.id).by(&root.id), &detail);
}
