//! Requests that are rejected before any handler: hosts, heads, paths, methods.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::client::Response;
use crate::harness::database::{Database, on_both_databases};
use crate::harness::openapi::{METHODS, operations};
use crate::harness::raw;
use crate::harness::service::{Launch, Service};
use crate::harness::users::PASSWORD;

on_both_databases!(unusual_paths_and_queries_are_rejected);

fn sqlite() -> (Database, Service) {
    let database = Database::sqlite();
    let service = Service::on(&database);
    (database, service)
}

#[test]
fn a_request_must_have_exactly_one_host_header() {
    let (_database, service) = sqlite();
    let status = |lines: &[&str]| raw::head(service.address(), lines).unwrap().status;
    for path in ["/health/live", "/v1/auth/me", "/nowhere"] {
        let line = format!("GET {path} HTTP/1.1");
        assert_eq!(status(&[&line]), 400);
        assert_eq!(status(&[&line, "Host: a", "Host: a"]), 400);
        assert_eq!(status(&[&line, "Host: a", "host: b"]), 400);
    }
    assert_eq!(status(&["GET /health/live HTTP/1.1", "Host: a"]), 200);
    assert_eq!(status(&["GET /health/live HTTP/1.0"]), 200);
    assert_eq!(status(&["GET /health/live HTTP/1.0", "Host: a", "Host: b"]), 400);
}

#[test]
fn an_oversized_request_head_is_rejected() {
    let (_database, service) = sqlite();
    let many = |count: usize, value: &str| {
        (0..count).fold(String::new(), |lines, number| {
            lines + &format!("X-Number-{number}: {value}\r\n")
        })
    };
    for headers in [
        many(1, &"x".repeat(33 * 1024)),
        many(50, &"x".repeat(1000)),
        many(90, &"x".repeat(400)),
        many(10_000, "x"),
        many(1, &"x".repeat(1024 * 1024)),
        many(1000, &"x".repeat(1000)),
    ] {
        let request = format!("GET /health/live HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        // The HTTP library may close the connection while the client is still writing.
        if let Some(response) = raw::exchange(service.address(), request.as_bytes()) {
            assert!([400, 431].contains(&response.status), "{response:?}");
        }
    }
    let request = format!(
        "GET /health/live HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        many(30, &"x".repeat(1000))
    );
    raw::exchange(service.address(), request.as_bytes())
        .unwrap()
        .is(200);
    service.client().get("/health/live").ok(200);
}

#[test]
fn ambiguous_request_framing_is_rejected() {
    let (_database, service) = sqlite();
    let post = "POST /v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    for rest in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n\r\n{}{}{}",
        "Content-Length: -1\r\n\r\n{}",
        "Content-Length: +2\r\n\r\n{}",
        "Content-Length: 2, 2\r\n\r\n{}",
        "Content-Length: 99999999999999999999\r\n\r\n{}",
        "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n{}",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        "Content-Length : 2\r\n\r\n{}",
        " folded: x\r\n\r\n",
        "X: a\0b\r\n\r\n",
    ] {
        let request = format!("{post}{rest}");
        let response = raw::exchange(service.address(), request.as_bytes());
        if let Some(response) = response {
            assert_eq!(response.status, 400, "{rest:?}: {response:?}");
        }
    }
    for nonsense in [
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\x16\x03\x01\x02\0\x01",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        if let Some(response) = raw::exchange(service.address(), format!("{nonsense}\r\n\r\n").as_bytes()) {
            assert_eq!(response.status, 400, "{nonsense:?}: {response:?}");
        }
    }
    service.client().get("/health/live").ok(200);
}

#[test]
fn method_not_allowed_lists_the_allowed_methods() {
    let (_database, service) = sqlite();
    let operations = operations(&service.client());
    let paths: BTreeSet<_> = operations.iter().map(|operation| &operation.path).collect();
    for path in paths {
        let mut allowed: BTreeSet<_> = operations
            .iter()
            .filter(|operation| operation.path == *path)
            .map(|operation| operation.method.as_str())
            .collect();
        if allowed.contains("GET") {
            allowed.insert("HEAD");
        }
        let path = path
            .replace("{id}", "x")
            .replace("{code}", "x")
            .replace("{asset}", "x");
        for method in METHODS.into_iter().chain(["HEAD", "TRACE", "BREW", "get"]) {
            if allowed.contains(method) {
                continue;
            }
            let response = raw::get(service.address(), method, &path);
            response.is(405);
            let listed: BTreeSet<_> = response.header("allow").unwrap().split(", ").collect();
            assert_eq!(listed, allowed, "{response:?}");
            if method != "HEAD" {
                response.assert_well_formed();
                response.problem(405, "method-not-allowed");
            }
        }
    }
}

#[test]
fn head_returns_the_headers_of_get_without_a_body() {
    let (_database, service) = sqlite();
    let admin = service.admin();
    for operation in operations(&service.client()) {
        if operation.method != "GET" {
            continue;
        }
        for path in [operation.path_of(&admin.id), operation.path_of("forbidden")] {
            let get = admin.client().get(&path);
            let head = admin.client().send("HEAD", &path, None);
            head.is_empty(get.status);
            assert_eq!(head.header("content-type"), get.header("content-type"));
            assert_eq!(head.header("cache-control"), get.header("cache-control"));
        }
    }
    // On a persistent connection, no body of the HEAD response precedes the next response.
    let both = b"HEAD /health/live HTTP/1.1\r\nHost: a\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n";
    let response = raw::exchange(service.address(), both).unwrap();
    response.is(200);
}

fn unusual_paths_and_queries_are_rejected(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    let ask = |method: &str, path: &str| {
        let line = format!("{method} {path} HTTP/1.1");
        let token = format!("Authorization: Bearer {}", admin.access());
        let response = raw::head(service.address(), &[&line, "Host: localhost", &token]);
        response.unwrap_or_else(|| panic!("no response to {line}"))
    };
    let long = format!("/v1/users/{}", "a".repeat(8000));
    let nested = "/..".repeat(500);
    for path in [
        "/v1",
        "/v1/",
        "/v1/auth/login/",
        "//v1/auth/login",
        "/v1//auth/login",
        "/V1/auth/login",
        "/v1/auth/Login",
        "/v1/auth/login.json",
        "/v1/auth/login%00",
        "/v1/auth/login%20",
        "/v1/auth%2flogin",
        "/v1/auth/login;x=1",
        "/%00",
        "/%ff",
        "/%",
        "/%zz",
        "/%c0%ae%c0%ae/",
        "/docs//",
        "/docs/../openapi.json",
        "/docs/..%2f..%2fetc%2fpasswd",
        "/docs/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/docs/..%5c..%5cboot.ini",
        "/docs/%00",
        "/docs/%ff",
        "/docs/x.html",
        "/problems/",
        "/problems/x",
        "/problems/%00",
        "/problems/%ff",
        "/problems/%3Cscript%3E",
        "/problems/Forbidden",
        "/metrics",
        "/v1/users/",
        "/v1/users/%00",
        "/v1/users/%ff",
        "/v1/users/%ed%a0%80",
        "/v1/users/x%2fsessions",
        "/v1/users/..",
        "/v1/users/%27%20OR%201=1",
        "/v1/users//sessions",
        "/v1/users/x/sessions/",
        &long,
        &nested,
    ] {
        for method in ["GET", "HEAD"] {
            let response = ask(method, path);
            assert!([400, 404, 405].contains(&response.status), "{path}: {response:?}");
            response.assert_well_formed();
        }
    }
    for path in [
        "/v1/users/%00/sessions",
        "/v1/account/sessions/%00",
        "/v1/account/sessions/%ff",
        &format!("/v1/account/sessions/{}", "a".repeat(5000)),
    ] {
        ask("DELETE", path).problem(404, "not-found");
    }
    // Routes without query parameters ignore them; routes with some reject unknown ones.
    for query in [
        "?x=1",
        "?%00",
        "?%ff=%00",
        "?",
        "?=",
        &format!("?{}", "a=1&".repeat(1000)),
    ] {
        let response = ask("GET", &format!("/v1/auth/me{query}"));
        assert!([200, 400].contains(&response.status), "{response:?}");
        ask("GET", &format!("/health/live{query}")).is(200);
    }
    for query in [
        "?x=1",
        "?%00=1",
        "?limit=1&limit=1",
        "?limit=%00",
        "?role=%ff",
        "?email=%ff@example.org",
    ] {
        ask("GET", &format!("/v1/users{query}")).problem(400, "malformed-request");
    }
    ask("GET", "http://elsewhere.example/nowhere").problem(404, "not-found");
    ask("OPTIONS", "*").is_refused();
}

/// All problem codes of the API contract.
const CODES: [&str; 22] = [
    "malformed-request",
    "invalid-credentials",
    "missing-token",
    "invalid-token",
    "invalid-refresh-token",
    "forbidden",
    "setup-closed",
    "feature-disabled",
    "not-found",
    "email-taken",
    "last-admin",
    "payload-too-large",
    "unsupported-media-type",
    "method-not-allowed",
    "request-timeout",
    "headers-too-large",
    "validation",
    "rate-limited",
    "too-many-attempts",
    "overloaded",
    "unavailable",
    "internal",
];

#[test]
fn every_problem_type_has_a_documentation_page() {
    let (_database, service) = sqlite();
    for code in CODES {
        let response = service.client().get(&format!("/problems/{code}"));
        response.is(200);
        assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(response.text().contains(code) && response.text().contains("What to do"));
    }
}

#[test]
fn the_documentation_page_loads_no_external_resources() {
    let (_database, service) = sqlite();
    let client = service.client();
    let page = client.get("/docs");
    page.is(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let sources = page.text().split('"').filter(|part| part.starts_with("docs/"));
    let mut count = 0;
    for source in sources {
        let asset = client.get(&format!("/{source}"));
        asset.is(200);
        assert!(
            asset
                .header("content-type")
                .is_some_and(|kind| !kind.contains("octet-stream"))
        );
        count += 1;
    }
    assert!(count >= 3 && !page.text().contains("://"), "{}", page.text());
    let cached = |response: &Response| response.header("cache-control").unwrap().starts_with("public");
    assert!(cached(&client.get("/openapi.json")));
}

#[test]
fn a_path_in_the_public_url_is_in_every_link_and_the_issuer_is_as_written() {
    let database = Database::sqlite();
    let service = Launch::on(&database)
        .set("server.public_url", "https://Login.example.org:443/base")
        .start();
    let grace = service.new_user("grace");
    let (_, claims) = crate::harness::response_schema::decode(&grace.access());
    assert_eq!(claims["iss"], Value::from("https://Login.example.org:443/base"));
    // Not through the client, which knows the links of a service at the root.
    let request = b"GET /no-such-page HTTP/1.1\r\nHost: login.example.org\r\nConnection: close\r\n\r\n";
    let problem = raw::exchange(service.address(), request).unwrap();
    assert_eq!(problem.body()["type"], "/base/problems/not-found");
    let document = service.client().get("/openapi.json").ok(200);
    assert_eq!(document["servers"], serde_json::json!([{"url": "/base"}]));
}

/// Nothing in a response is derived from the Host header or forwarding headers.
#[test]
fn host_and_forwarding_headers_never_appear_in_responses() {
    let database = Database::sqlite();
    let service = Launch::on(&database)
        .set("server.public_url", "https://login.example.org/base/")
        .start();
    let admin = service.admin();
    let token = format!("Authorization: Bearer {}", admin.access());
    let evil = [
        "Host: evil.example",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: evil.example",
        "X-Forwarded-Prefix: /evil.example",
        "X-Original-URL: /evil.example",
        "Forwarded: for=1.2.3.4;host=evil.example;proto=evil.example",
        "Origin: https://evil.example",
        "Referer: https://evil.example/",
    ];
    let body = format!("{{\"email\":\"root@example.org\",\"password\":\"{PASSWORD}\"}}");
    for operation in operations(&service.client()) {
        let mut lines = vec![format!(
            "{} {} HTTP/1.1",
            operation.method,
            operation.path_of("x")
        )];
        lines.extend(evil.map(str::to_owned));
        lines.push(token.clone());
        let body = if operation.body.is_some() {
            body.as_str()
        } else {
            ""
        };
        lines.push("Content-Type: application/json".into());
        lines.push(format!("Content-Length: {}", body.len()));
        let request = format!("{}\r\n\r\n{body}", lines.join("\r\n"));
        let response = raw::exchange(service.address(), request.as_bytes()).unwrap();
        assert!(!format!("{response:?}").contains("evil"), "{response:?}");
        let location = (operation.path == "/docs/").then_some("../docs");
        assert_eq!(response.header("location"), location);
        assert_eq!(response.header("access-control-allow-origin"), None);
        if operation.path.ends_with("/login") {
            let (_, claims) =
                crate::harness::response_schema::decode(response.body()["access_token"].as_str().unwrap());
            assert_eq!(claims["iss"], Value::from("https://login.example.org/base"));
        }
    }
}
