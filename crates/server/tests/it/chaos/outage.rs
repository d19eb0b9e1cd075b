//! A database that is temporarily unavailable or locked: an outage is not a failed login, and ends no session.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use doorward_domain::store::Transactions as _;
use doorward_domain::store_error::StoreError;
use serde_json::json;

use crate::harness::client::Response;
use crate::harness::database::{Database, MASTER_KEY};
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

/// A server that hangs: connections stay open, new ones are accepted, and nothing is answered.
struct Freezable {
    address: SocketAddr,
    is_frozen: Arc<AtomicBool>,
}

impl Freezable {
    fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, is_frozen) = (listener.local_addr().unwrap(), Arc::<AtomicBool>::default());
        let frozen = Arc::clone(&is_frozen);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let frozen = Arc::clone(&frozen);
                thread::spawn(move || {
                    let Ok(server) = TcpStream::connect(server) else {
                        return;
                    };
                    let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                    let is_frozen = Arc::clone(&frozen);
                    thread::spawn(move || copy_unless_frozen(back.0, back.1, &is_frozen));
                    copy_unless_frozen(client, server, &frozen);
                });
            }
        });
        Self { address, is_frozen }
    }

    fn freeze(&self, is_frozen: bool) {
        self.is_frozen.store(is_frozen, Ordering::SeqCst);
    }
}

fn copy_unless_frozen(mut from: TcpStream, mut to: TcpStream, is_frozen: &AtomicBool) {
    let mut bytes = [0; 8192];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        while is_frozen.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(10));
        }
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// What they began has no effect later: otherwise the client's next try would be a replay.
#[test]
#[expect(clippy::disallowed_methods, reason = "the bound is on time as it passes")]
fn requests_fail_with_503_within_five_seconds_while_postgres_is_frozen() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let mut url = url::Url::parse(database.test_database().url()).unwrap();
    let server = Freezable::before(url.socket_addrs(|| Some(5432)).unwrap()[0]);
    url.set_ip_host(server.address.ip()).unwrap();
    url.set_port(Some(server.address.port())).unwrap();
    let service = Launch::on(&database)
        .env("DOORWARD_DATABASE__URL", url.as_str())
        .env("DOORWARD_KEYS__MASTER_KEY", MASTER_KEY)
        .env("DOORWARD_THROTTLE__ENABLED", "false")
        .env("DOORWARD_TOKENS__REFRESH_GRACE", "1s")
        .start();
    let users: Vec<_> = (0..4)
        .map(|number| service.new_user(&format!("user{number}")))
        .collect();
    server.freeze(true);
    // More requests than connections: the later ones wait for a thread as well.
    thread::scope(|scope| {
        for _ in 0..4 {
            for user in &users {
                let client = service.client();
                scope.spawn(move || {
                    type Request<'r> = &'r (dyn Fn() -> Response + Sync);
                    let requests: [Request<'_>; 4] = [
                        &|| user.try_refresh(),
                        &|| login(&client, &user.email, PASSWORD),
                        &|| user.client().get("/v1/account"),
                        &|| user.client().get("/v1/auth/me"),
                    ];
                    for request in requests {
                        let since = Instant::now();
                        let response = request();
                        let after = since.elapsed();
                        assert!(after < Duration::from_secs(5), "{after:?}: {response:?}");
                        // What is in memory is answered for another second.
                        if response.status != 200 {
                            assert_eq!(response.status, 503, "{response:?}");
                            assert!(response.header("retry-after").is_some(), "{response:?}");
                        }
                    }
                });
            }
        }
    });
    server.freeze(false);
    // Longer than the grace window.
    thread::sleep(Duration::from_secs(2));
    let since = Instant::now();
    for user in &users {
        eventually("a refresh succeeds", || {
            let response = user.try_refresh();
            (response.status == 200).then_some(())
        });
    }
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
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
