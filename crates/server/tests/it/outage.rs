//! A database that is away, or frozen, for a while: an outage is not a failed login, and ends no session.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use doorward_domain::ports::{StoreError, Transactions as _};
use serde_json::json;

use crate::backing::Backing;
use crate::client::Answer;
use crate::people::{PASSWORD, Person, login};
use crate::service::{Launch, Service};
use crate::support::eventually;

/// Lessons 26 and 28.
#[test]
fn a_database_that_is_away_is_said_to_be_away() {
    let Some(backing) = Backing::postgres() else {
        return;
    };
    let service = Service::on(&backing);
    let admin = service.admin();
    let grace = service.person("grace");
    let other = grace.again();
    let (client, operator) = (service.client(), service.operator());
    backing.database().refuse_connections();

    for _ in 0..2 {
        login(&client, &grace.email, PASSWORD).problem(503, "unavailable");
        login(&client, &grace.email, "a wrong password").problem(503, "unavailable");
        login(&client, "nobody@example.org", PASSWORD).problem(503, "unavailable");
        grace.try_refresh().problem(503, "unavailable");
        for (method, path, body) in [
            (
                "POST",
                "/v1/auth/logout",
                Some(json!({"refresh_token": other.refresh_token()})),
            ),
            (
                "POST",
                "/v1/auth/register",
                Some(json!({"email": "new@example.org", "password": PASSWORD})),
            ),
            (
                "POST",
                "/v1/setup",
                Some(json!({"setup_token": "x", "email": "new@example.org", "password": PASSWORD})),
            ),
            (
                "POST",
                "/v1/account/deletion",
                Some(json!({"password": PASSWORD})),
            ),
            ("GET", "/v1/account", None),
            ("GET", "/v1/account/sessions", None),
            ("GET", "/v1/users", None),
            ("GET", &grace.path(), None),
            ("DELETE", &grace.path(), None),
        ] {
            let answer = match body {
                Some(body) => admin.client().json(method, path, &body),
                None => admin.client().send(method, path, None),
            };
            answer.problem(503, "unavailable");
        }
    }
    assert_eq!(
        operator.get("/health/ready").ok(503)["checks"]["database"],
        "unavailable"
    );
    assert_eq!(client.get("/health/ready").ok(503)["status"], "unavailable");
    operator.get("/health/live").ok(200);
    client.get("/health/live").ok(200);
    client.get("/.well-known/jwks.json").is(200);
    let ended = service.run(&["health"], "");
    assert_eq!(ended.status, 1, "{ended:?}");
    // What is answered from memory goes on for as long as memory can be relied on.
    let me = grace.client().get("/v1/auth/me");
    assert!([200, 503].contains(&me.status), "{me:?}");
    let nobody = client.get("/v1/auth/me");
    nobody.problem(401, "missing-token");

    backing.database().accept_connections();
    let back = |answer: Answer| match answer.status {
        200 => Some(answer),
        503 => None,
        _ => panic!("{answer:?}"),
    };
    eventually("the session goes on", || back(grace.try_refresh()));
    eventually("it is ready", || back(operator.get("/health/ready")));
    eventually("access tokens are believed", || {
        back(grace.client().get("/v1/auth/me"))
    });
    // None of the passwords was looked at, so none of them counted; nothing was done by halves.
    Person::login(&client, &grace.email, PASSWORD);
    other.try_refresh().ok(200);
    login(&client, "new@example.org", PASSWORD).problem(401, "invalid-credentials");
    assert_eq!(service.run(&["health"], "").status, 0);
}

/// Connections that are lost are replaced without anybody noticing more than a moment.
#[test]
fn connections_that_are_lost_are_replaced() {
    let Some(backing) = Backing::postgres() else {
        return;
    };
    let service = Service::on(&backing);
    let mut grace = service.person("grace");
    for _ in 0..3 {
        backing.database().refuse_connections();
        backing.database().accept_connections();
        let answer = eventually("a refresh succeeds", || {
            let answer = grace.try_refresh();
            assert!([200, 503].contains(&answer.status), "{answer:?}");
            (answer.status == 200).then_some(answer)
        });
        assert_eq!(answer.body()["session_id"], grace.session());
        grace.refresh();
    }
}

/// Somebody else writes and does not finish, as a backup tool or an administrator at a prompt does.
#[test]
fn an_embedded_database_that_is_locked_is_said_to_be_away() {
    let backing = Backing::sqlite();
    let service = Launch::on(&backing).start();
    let grace = service.person("grace");
    let store = backing.database().open();
    let (inside, told) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let holder = scope.spawn(move || {
            store.transaction::<_, StoreError>(|_| {
                inside.send(()).unwrap();
                // Let go of in any case, so that a test that fails ends.
                let _ = left.recv_timeout(Duration::from_secs(60));
                Ok(())
            })
        });
        told.recv().unwrap();
        grace.try_refresh().problem(503, "unavailable");
        login(&service.client(), &grace.email, PASSWORD).problem(503, "unavailable");
        grace.client().get("/v1/account").ok(200);
        service.operator().get("/health/live").ok(200);
        leave.send(()).unwrap();
        holder.join().unwrap().unwrap();
    });
    grace.try_refresh().ok(200);
    grace.again();
}
