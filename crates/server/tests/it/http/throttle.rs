//! The throttle: rate limits per client address.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::client::{Client, Response};
use crate::harness::database::Database;
use crate::harness::raw;
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, TestUser, register};

/// Sends an invalid login, which costs no hash: the throttle does not look at bodies.
fn send_login(client: &Client) -> Response {
    client.post("/v1/auth/login", &json!({}))
}

/// Sends logins until one is throttled; returns the number before it and its response.
fn exhaust_limit(client: &Client) -> (usize, Response) {
    for count in 0..100 {
        let response = send_login(client);
        if response.status == 429 {
            return (count, response);
        }
        response.problem(400, "malformed-request");
    }
    panic!("no login was throttled");
}

/// A service with the throttle enabled.
fn launch(database: &Database) -> Launch {
    Launch::on(database).set("throttle.enabled", "true")
}

#[test]
fn the_throttle_is_enabled_by_default() {
    let service = Launch::bare().start();
    let client = service.client();
    let (count, refusal) = exhaust_limit(&client);
    // One more token may have been refilled meanwhile.
    assert!((10..=11).contains(&count), "{count}");
    refusal.problem(429, "rate-limited");
    assert!(refusal.retry_after() <= 6, "{refusal:?}");
    assert_eq!(
        refusal.header("ratelimit-policy"),
        Some("\"sensitive\";q=10;w=60")
    );
    let state = refusal.header("ratelimit").unwrap();
    assert_eq!(state, format!("\"sensitive\";r=0;t={}", refusal.retry_after()));

    // All sensitive routes share one limit; other routes have others.
    let body = json!({"setup_token": service.setup_token(), "email": "a@example.org", "password": PASSWORD});
    for path in [
        "/v1/auth/register",
        "/v1/setup",
        "/v1/account/password",
        "/v1/account/deletion",
    ] {
        client.post(path, &body).problem(429, "rate-limited");
    }
    client
        .post("/v1/auth/refresh", &json!({"refresh_token": "x"}))
        .is(401);
    for _ in 0..50 {
        client.get("/health/live").is(200);
    }
}

/// Another spelling of a path is either another path, or subject to the same limit.
#[test]
fn spelling_a_path_differently_does_not_bypass_the_throttle() {
    let database = Database::sqlite();
    let service = launch(&database)
        .set("throttle.sensitive.per_minute", "1")
        .start();
    let (count, _) = exhaust_limit(&service.client());
    assert_eq!(count, 10);
    for path in [
        "//v1/auth/login",
        "/v1//auth/login",
        "/v1/auth/login/",
        "/v1/auth/./login",
        "/v1/auth/../auth/login",
        "/V1/AUTH/LOGIN",
        "/v1/auth/login?x=1",
        "/v1/auth/login#x",
        "/v1/auth/%6cogin",
        "/v1/auth/login%2f",
        "/v1%2fauth%2flogin",
        "/v1/auth/login;a=b",
        "/v1/auth/login%20",
        "http://elsewhere/v1/auth/login",
    ] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        let response = raw::exchange(service.address(), request.as_bytes()).unwrap();
        assert!([400, 404, 429].contains(&response.status), "{path}: {response:?}");
        if response.status == 400 {
            let is_a_login = response.text().contains("missing field");
            assert!(!is_a_login, "{path}: {response:?}");
        }
    }
}

#[test]
fn a_request_succeeds_after_waiting_for_retry_after() {
    let database = Database::sqlite();
    let service = launch(&database)
        .set("throttle.sensitive.burst", "2")
        .set("throttle.sensitive.per_minute", "60")
        .set("throttle.refresh.burst", "1")
        .set("throttle.refresh.per_minute", "60")
        .start();
    let client = service.client();
    let refresh = || client.post("/v1/auth/refresh", &json!({"refresh_token": "x"}));
    for _ in 0..3 {
        let (_, refusal) = exhaust_limit(&client);
        while refresh().status != 429 {}
        assert_eq!(refusal.retry_after(), 1);
        // The sleep is what is tested: waiting exactly `Retry-After` is enough.
        thread::sleep(Duration::from_secs(refusal.retry_after()));
        send_login(&client).problem(400, "malformed-request");
        refresh().problem(401, "invalid-refresh-token");
    }
}

#[test]
fn probes_do_not_use_up_the_allowance_of_users() {
    let database = Database::sqlite();
    let service = launch(&database)
        .set("throttle.general.burst", "2")
        .set("throttle.general.per_minute", "1")
        .start();
    let client = service.client();
    for _ in 0..20 {
        client.get("/health/ready").ok(200);
        client.get("/.well-known/jwks.json").is(200);
    }
    client.get("/v1/auth/me").is(401);
    client.get("/v1/auth/me").is(401);
    client.get("/v1/auth/me").is(429);
}

#[test]
fn all_other_routes_share_the_general_limit() {
    let database = Database::sqlite();
    let service = launch(&database)
        .set("throttle.general.burst", "20")
        .set("throttle.general.per_minute", "1")
        .start();
    let client = service.client();
    for number in 0..20 {
        client.get(&format!("/nowhere{number}")).is(404);
    }
    for path in ["/nowhere", "/v1/auth/me", "/docs", "/openapi.json"] {
        let response = client.get(path);
        response.is(429);
        assert_eq!(
            response.header("ratelimit-policy"),
            Some("\"general\";q=20;w=1200")
        );
    }
    send_login(&client).is(400);
    // Probes and verifiers are never rejected.
    for _ in 0..30 {
        client.get("/health/live").ok(200);
        client.get("/health/ready").ok(200);
        client.get("/.well-known/jwks.json").is(200);
        client
            .post_empty("/health/live")
            .problem(405, "method-not-allowed");
    }
    // The management listener is not throttled.
    for _ in 0..30 {
        service.management().get("/health/ready").ok(200);
    }
}

/// Whether two values of a forwarding header count as one client.
fn is_same(service: &Service, header: &str, first: &str, second: &str) -> bool {
    let client = service.client();
    let (_, _) = exhaust_limit(&client.with_header(header, first));
    send_login(&client.with_header(header, second)).status == 429
}

#[test]
fn forwarding_headers_from_an_untrusted_peer_are_ignored() {
    let database = Database::sqlite();
    let service = launch(&database)
        .set("throttle.sensitive.per_minute", "1")
        .start();
    exhaust_limit(&service.client());
    for (name, value) in [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-for", "127.0.0.1, 192.0.2.2"),
        ("x-real-ip", "192.0.2.3"),
        ("forwarded", "for=192.0.2.4"),
        ("true-client-ip", "192.0.2.5"),
        ("cf-connecting-ip", "192.0.2.6"),
        ("x-client-ip", "192.0.2.7"),
    ] {
        send_login(&service.client().with_header(name, value)).problem(429, "rate-limited");
    }
    let warnings = service.log().matches("server.trusted_proxies").count();
    assert_eq!(warnings, 1);
}

#[test]
fn each_client_behind_a_trusted_proxy_has_its_own_limit() {
    let database = Database::sqlite();
    let service = launch(&database)
        .set("throttle.sensitive.per_minute", "1")
        .env("DOORWARD_SERVER__TRUSTED_PROXIES", "127.0.0.0/8,10.0.0.0/8")
        .start();
    let header = "x-forwarded-for";
    for (first, second, same) in [
        ("192.0.2.1", "192.0.2.2", false),
        // Addresses further left were written by the client.
        ("198.51.100.1, 192.0.2.3", "198.51.100.2, 192.0.2.3", true),
        ("198.51.100.3, 192.0.2.4", "198.51.100.3, 192.0.2.5", false),
        // Trusted proxies in between are skipped.
        ("192.0.2.6", "192.0.2.6, 10.1.2.3, 127.0.0.9", true),
        ("192.0.2.7", "192.0.2.7:4711", true),
        ("192.0.2.8", "::ffff:192.0.2.8", true),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true),
        ("2001:db8:0:2::1", "2001:db8:0:3::1", false),
        ("[2001:db8:0:4::1]:80", "2001:db8:0:4::9", true),
    ] {
        assert_eq!(
            is_same(&service, header, first, second),
            same,
            "{first} and {second}"
        );
    }
    // The session records the forwarded address.
    let forwarded = service.client().with_header(header, "192.0.2.200");
    register(&forwarded, "grace@example.org");
    let grace = TestUser::login(&forwarded, "grace@example.org", PASSWORD);
    let sessions = grace.client().get("/v1/account/sessions").ok(200);
    assert_eq!(sessions["sessions"][0]["ip"], "192.0.2.200");
}

#[test]
fn an_ipv6_site_cannot_multiply_its_limit_by_its_addresses() {
    let database = Database::sqlite();
    let service = launch(&database)
        .set("throttle.sensitive.burst", "1")
        .set("throttle.sensitive.per_minute", "1")
        .env("DOORWARD_SERVER__TRUSTED_PROXIES", "127.0.0.1")
        .start();
    let send_from = |address: &str| send_login(&service.client().with_header("x-forwarded-for", address));
    let refused = (0..64)
        .map(|subnet| send_from(&format!("2001:db8:7:{subnet:x}00::1")))
        .filter(|response| response.status == 429)
        .collect::<Vec<_>>();
    // 16 for the /48, and some more if the test takes long.
    assert!((40..=48).contains(&refused.len()), "{}", refused.len());
    for refusal in &refused {
        refusal.problem(429, "rate-limited");
        assert_eq!(
            refusal.header("ratelimit-policy"),
            Some("\"sensitive\";q=16;w=60")
        );
    }
    for elsewhere in ["2001:db8:8::1", "192.0.2.1"] {
        send_from(elsewhere).problem(400, "malformed-request");
    }
}

#[test]
fn the_forwarded_header_is_parsed_when_configured() {
    let database = Database::sqlite();
    let service = launch(&database)
        .set("throttle.sensitive.per_minute", "1")
        .set("server.forwarded_header", "forwarded")
        .env("DOORWARD_SERVER__TRUSTED_PROXIES", "127.0.0.1")
        .start();
    for (first, second, same) in [
        ("for=192.0.2.1", "for=192.0.2.2", false),
        (
            "for=192.0.2.3",
            "for=198.51.100.1;proto=https, For=\"192.0.2.3:80\";by=x",
            true,
        ),
        ("for=\"[2001:db8::1]\"", "for=\"[2001:db8::2]:80\"", true),
    ] {
        assert_eq!(
            is_same(&service, "forwarded", first, second),
            same,
            "{first} and {second}"
        );
    }
    // The other header is ignored then.
    assert!(is_same(&service, "x-forwarded-for", "192.0.2.1", "192.0.2.2"));
}
