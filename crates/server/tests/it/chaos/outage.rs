//! A database that is temporarily unavailable or locked: an outage is not a failed login, and ends no session.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use doorward_domain::store::Transactions as _;
use doorward_domain::store_error::StoreError;
use serde_json::json;

use crate::harness::client::Response;
use crate::harness::database::Database;
use crate::harness::process::eventually;
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, TestUser, login};

#[test]
fn requests_fail_with_503_while_postgres_is_unavailable() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let service = Service::on(&database);
    let admin = service.admin();
    let grace = service.new_user("grace");
    let other = grace.login_again();
    let (client, operator) = (service.client(), service.management());
    database.test_database().refuse_connections();

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
            let response = match body {
                Some(body) => admin.client().json(method, path, &body),
                None => admin.client().send(method, path, None),
            };
            response.problem(503, "unavailable");
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
    // Responses from memory continue while the memory is recent enough.
    let me = grace.client().get("/v1/auth/me");
    assert!([200, 503].contains(&me.status), "{me:?}");
    let anonymous = client.get("/v1/auth/me");
    anonymous.problem(401, "missing-token");

    database.test_database().accept_connections();
    let back = |response: Response| match response.status {
        200 => Some(response),
        503 => None,
        _ => panic!("{response:?}"),
    };
    eventually("a refresh succeeds", || back(grace.try_refresh()));
    eventually("the service is ready", || back(operator.get("/health/ready")));
    eventually("access tokens are accepted", || {
        back(grace.client().get("/v1/auth/me"))
    });
    // No password was verified, so no attempt was counted, and nothing was half done.
    TestUser::login(&client, &grace.email, PASSWORD);
    other.try_refresh().ok(200);
    login(&client, "new@example.org", PASSWORD).problem(401, "invalid-credentials");
    assert_eq!(service.run(&["health"], "").status, 0);
}

/// Lost connections are replaced; clients see at most a short outage.
#[test]
fn lost_database_connections_are_replaced() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let service = Service::on(&database);
    let mut grace = service.new_user("grace");
    for _ in 0..3 {
        database.test_database().refuse_connections();
        database.test_database().accept_connections();
        let response = eventually("a refresh succeeds", || {
            let response = grace.try_refresh();
            assert!([200, 503].contains(&response.status), "{response:?}");
            (response.status == 200).then_some(response)
        });
        assert_eq!(response.body()["session_id"], grace.session());
        grace.refresh();
    }
}

/// Another process holds a write transaction open, as a backup tool might.
#[test]
fn requests_fail_with_503_while_sqlite_is_locked() {
    let database = Database::sqlite();
    let service = Launch::on(&database).start();
    let grace = service.new_user("grace");
    let store = database.test_database().open();
    let (entered, wait) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let holder = scope.spawn(move || {
            store.transaction::<_, StoreError>(|_| {
                entered.send(()).unwrap();
                // Released in any case, so that a failed test ends.
                let _ = left.recv_timeout(Duration::from_secs(60));
                Ok(())
            })
        });
        wait.recv().unwrap();
        grace.try_refresh().problem(503, "unavailable");
        login(&service.client(), &grace.email, PASSWORD).problem(503, "unavailable");
        grace.client().get("/v1/account").ok(200);
        service.management().get("/health/live").ok(200);
        let health = service.management().get("/health/ready").ok(503);
        assert_eq!(health["checks"]["database"], "unavailable");
        leave.send(()).unwrap();
        holder.join().unwrap().unwrap();
    });
    grace.try_refresh().ok(200);
    grace.login_again();
    eventually("the service is ready", || {
        (service.management().get("/health/ready").status == 200).then_some(())
    });
}
