//! The pages for people.

use crate::harness::client::Response;
use crate::harness::database::Database;
use crate::harness::openapi::operations;
use crate::harness::service::{Launch, Service};

/// Asserts that a page needs nothing but itself.
fn assert_page(page: &Response) {
    page.is(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("style-src 'sha256-") && !policy.contains("unsafe"),
        "{policy}"
    );
    let text = page.text();
    assert!(text.starts_with("<!doctype html>\n<html lang=\"en\">"), "{text}");
    assert!(
        text.contains("<meta name=\"viewport\"") && text.contains("prefers-color-scheme"),
        "{text}"
    );
    assert!(
        !text.contains('`') && !text.contains("://") && !text.contains(" style="),
        "{text}"
    );
    assert_eq!(text.matches("<h1>").count(), 1, "{text}");
}

#[test]
fn the_root_leads_to_the_documents() {
    let database = Database::sqlite();
    let service = Service::on(&database);
    let client = service.client();
    for accept in [
        None,
        Some("*/*"),
        Some("text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8"),
    ] {
        let client = accept.map_or_else(|| client.clone(), |accept| client.with_header("accept", accept));
        let page = client.get("/");
        assert_page(&page);
        let links: Vec<_> = page.text().split("href=\"").skip(1).collect();
        assert_eq!(links.len(), 4);
        for link in links {
            client
                .get(&format!("/{}", link.split('"').next().unwrap()))
                .is(200);
        }
    }
    let index = client.with_header("accept", "application/json").get("/");
    assert_eq!(index.header("vary"), Some("accept"));
    let index = index.ok(200);
    assert_eq!(index["name"], "Doorward");
    for path in index
        .as_object()
        .unwrap()
        .values()
        .filter_map(|value| value.as_str()?.strip_prefix('/'))
    {
        client.get(&format!("/{path}")).is(200);
    }
}

#[test]
fn problem_pages_are_pages() {
    let database = Database::sqlite();
    let service = Service::on(&database);
    for code in ["missing-token", "malformed-request", "rate-limited"] {
        let page = service.client().get(&format!("/problems/{code}"));
        assert_page(&page);
        assert!(
            page.text().contains(&format!("<code>{code}</code>")),
            "{}",
            page.text()
        );
    }
    let page = service.client().get("/problems/missing-token");
    assert!(
        page.text().contains("<code>Authorization: Bearer"),
        "{}",
        page.text()
    );
}

#[test]
fn the_documentation_with_a_slash_redirects_to_the_one_without() {
    let database = Database::sqlite();
    let service = Service::on(&database);
    let response = service.client().get("/docs/");
    response.is_empty(308);
    assert_eq!(response.header("location"), Some("../docs"));
}

#[test]
fn the_documentation_can_be_disabled() {
    let database = Database::sqlite();
    let documented = operations(&Service::on(&database).client());
    let service = Launch::on(&database).set("docs.enabled", "false").start();
    let client = service.client();
    for path in [
        "/docs",
        "/docs/",
        "/docs/swagger-ui.css",
        "/docs/start.js",
        "/openapi.json",
    ] {
        client.get(path).problem(404, "not-found");
    }
    let page = client.get("/");
    assert_page(&page);
    assert!(
        !page.text().contains("docs") && !page.text().contains("openapi"),
        "{}",
        page.text()
    );
    let index = client.with_header("accept", "application/json").get("/").ok(200);
    assert!(
        index.get("documentation").is_none() && index.get("openapi").is_none(),
        "{index}"
    );
    // Nothing else is missing.
    for operation in documented {
        if !operation.path.contains("docs") && operation.path != "/openapi.json" {
            let response = client.send(&operation.method, &operation.path_of("x"), None);
            assert_ne!(response.status, 405, "{response:?}");
        }
    }
    client.get("/problems/not-found").is(200);
}
