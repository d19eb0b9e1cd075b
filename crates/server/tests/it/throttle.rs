//! What one address may ask.

use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::backing::Backing;
use crate::client::{Answer, Client};
use crate::people::{PASSWORD, Person};
use crate::raw;
use crate::service::{Launch, Service};

/// A login that costs next to nothing: the throttle does not look at bodies.
fn knock(client: &Client) -> Answer {
    client.post("/v1/auth/login", &json!({}))
}

/// Knocks until the door is closed, and says how often it was open.
fn use_up(client: &Client) -> (usize, Answer) {
    for count in 0..100 {
        let answer = knock(client);
        if answer.status == 429 {
            return (count, answer);
        }
        answer.problem(400, "malformed-request");
    }
    panic!("the door was never closed");
}

/// A throttle of which the allowances are used up soon.
fn launch(backing: &Backing) -> Launch {
    Launch::on(backing).set("throttle.enabled", "true")
}

/// Lesson 17.
#[test]
fn it_is_there_with_nothing_configured() {
    let service = Launch::bare().start();
    let client = service.client();
    let (count, refusal) = use_up(&client);
    // One more may have become free meanwhile.
    assert!((10..=11).contains(&count), "{count}");
    refusal.problem(429, "rate-limited");
    assert!(refusal.retry_after() <= 6, "{refusal:?}");
    assert_eq!(
        refusal.header("ratelimit-policy"),
        Some("\"sensitive\";q=10;w=60")
    );
    let state = refusal.header("ratelimit").unwrap();
    assert_eq!(state, format!("\"sensitive\";r=0;t={}", refusal.retry_after()));

    // One allowance for all that is sensitive; what is not has others.
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

/// Lesson 16: another spelling of a path is another path, or the same one with the same allowance.
#[test]
fn no_spelling_of_a_path_is_a_fresh_allowance() {
    let backing = Backing::sqlite();
    let service = launch(&backing).set("throttle.sensitive.per_minute", "1").start();
    let (count, _) = use_up(&service.client());
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
        let answer = raw::exchange(service.address(), request.as_bytes()).unwrap();
        assert!([400, 404, 429].contains(&answer.status), "{path}: {answer:?}");
        if answer.status == 400 {
            let is_a_login = answer.text().contains("missing field");
            assert!(!is_a_login, "{path}: {answer:?}");
        }
    }
}

/// Lesson 18.
#[test]
fn waiting_as_long_as_was_said_is_enough() {
    let backing = Backing::sqlite();
    let service = launch(&backing)
        .set("throttle.sensitive.burst", "2")
        .set("throttle.sensitive.per_minute", "60")
        .set("throttle.refresh.burst", "1")
        .set("throttle.refresh.per_minute", "60")
        .start();
    let client = service.client();
    let refresh = || client.post("/v1/auth/refresh", &json!({"refresh_token": "x"}));
    for _ in 0..3 {
        let (_, refusal) = use_up(&client);
        while refresh().status != 429 {}
        assert_eq!(refusal.retry_after(), 1);
        // This is what is tested: not a moment more is waited than was said.
        thread::sleep(Duration::from_secs(refusal.retry_after()));
        knock(&client).problem(400, "malformed-request");
        refresh().problem(401, "invalid-refresh-token");
    }
}

#[test]
fn everything_else_has_an_allowance_too() {
    let backing = Backing::sqlite();
    let service = launch(&backing)
        .set("throttle.general.burst", "20")
        .set("throttle.general.per_minute", "1")
        .start();
    let client = service.client();
    for number in 0..20 {
        client.get(&format!("/nowhere{number}")).is(404);
    }
    for path in [
        "/nowhere",
        "/health/live",
        "/v1/auth/me",
        "/docs",
        "/openapi.json",
    ] {
        let answer = client.get(path);
        answer.is(429);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"general\";q=20;w=1200"));
    }
    knock(&client).is(400);
    // Monitoring is not turned away.
    for _ in 0..30 {
        service.operator().get("/health/ready").ok(200);
    }
}

/// Whether these two forwarding headers are of one client, as far as the throttle can tell.
fn is_same(service: &Service, header: &str, first: &str, second: &str) -> bool {
    let client = service.client();
    let (_, _) = use_up(&client.with(header, first));
    knock(&client.with(header, second)).status == 429
}

/// Lesson 16.
#[test]
fn a_stranger_cannot_choose_an_address() {
    let backing = Backing::sqlite();
    let service = launch(&backing).set("throttle.sensitive.per_minute", "1").start();
    use_up(&service.client());
    for (name, value) in [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-for", "127.0.0.1, 192.0.2.2"),
        ("x-real-ip", "192.0.2.3"),
        ("forwarded", "for=192.0.2.4"),
        ("true-client-ip", "192.0.2.5"),
        ("cf-connecting-ip", "192.0.2.6"),
        ("x-client-ip", "192.0.2.7"),
    ] {
        knock(&service.client().with(name, value)).problem(429, "rate-limited");
    }
    let warnings = service.log().matches("server.trusted_proxies").count();
    assert_eq!(warnings, 1);
}

#[test]
fn behind_a_trusted_proxy_every_client_has_an_allowance() {
    let backing = Backing::sqlite();
    let service = launch(&backing)
        .set("throttle.sensitive.per_minute", "1")
        .env("DOORWARD_SERVER__TRUSTED_PROXIES", "127.0.0.0/8,10.0.0.0/8")
        .start();
    let header = "x-forwarded-for";
    for (first, second, same) in [
        ("192.0.2.1", "192.0.2.2", false),
        // What stands further left was written by the client.
        ("198.51.100.1, 192.0.2.3", "198.51.100.2, 192.0.2.3", true),
        ("198.51.100.3, 192.0.2.4", "198.51.100.3, 192.0.2.5", false),
        // Trusted proxies in between are looked through.
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
    // The session remembers whom it belongs to.
    let forwarded = service.client().with(header, "192.0.2.200");
    crate::people::register(&forwarded, "grace@example.org");
    let grace = Person::login(&forwarded, "grace@example.org", PASSWORD);
    let sessions = grace.client().get("/v1/account/sessions").ok(200);
    assert_eq!(sessions["sessions"][0]["ip"], "192.0.2.200");
}

#[test]
fn the_header_of_rfc_7239_is_understood_where_it_is_configured() {
    let backing = Backing::sqlite();
    let service = launch(&backing)
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
    // The other header means nothing then.
    assert!(is_same(&service, "x-forwarded-for", "192.0.2.1", "192.0.2.2"));
}
