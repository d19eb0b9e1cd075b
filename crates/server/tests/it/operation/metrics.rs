//! Metrics.

use std::collections::BTreeSet;

use doorward_domain::mail::{MailFailureReason, MailKind};

use crate::harness::database::Database;
use crate::harness::openapi::operations;
use crate::harness::raw;
use crate::harness::service::Service;
use crate::harness::users::login;

/// The labels of a metric, each as its name and value.
fn labels(text: &str) -> BTreeSet<(String, String)> {
    let mut labels = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((_, rest)) = line.split_once('{') else {
            continue;
        };
        let (inside, _) = rest.rsplit_once('}').unwrap();
        for pair in inside.split("\",") {
            let (name, value) = pair.split_once("=\"").unwrap();
            labels.insert((name.to_owned(), value.trim_end_matches('"').to_owned()));
        }
    }
    labels
}

/// Labels chosen by clients would let them grow the server's memory.
#[test]
fn client_input_never_becomes_a_metric_label() {
    let database = Database::sqlite();
    let service = Service::on(&database);
    let grace = service.new_user("grace");
    for number in 0..30 {
        for line in [
            format!("MARKER{number} /health/live HTTP/1.1"),
            format!("GET /marker{number} HTTP/1.1"),
            format!("GET /v1/users/marker{number}?marker{number}=1 HTTP/1.1"),
            format!("GET /problems/marker{number} HTTP/1.1"),
            format!("GET /docs/marker{number} HTTP/1.1"),
            format!("marker{number} * HTTP/1.1"),
        ] {
            let agent = format!("User-Agent: marker{number}");
            let token = format!("Authorization: Bearer {}", grace.access());
            raw::head(service.address(), &[&line, "Host: marker", &agent, &token]);
        }
        login(
            &service.client(),
            &format!("marker{number}@example.org"),
            "marker",
        )
        .is(401);
    }
    let metrics = service.management().get("/metrics");
    metrics.is(200);
    let text = metrics.text();
    assert!(!text.to_lowercase().contains("marker"), "{text}");
    assert!(!text.contains("grace@") && !text.contains(&grace.id));

    let known: BTreeSet<_> = operations(&service.client())
        .into_iter()
        .map(|operation| operation.path)
        .chain(["unmatched", "/metrics", "/probes", "/probes/{name}"].map(str::to_owned))
        .collect();
    let methods = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other",
    ];
    for (name, value) in labels(text) {
        match name.as_str() {
            "route" => assert!(known.contains(&value), "{value}"),
            "method" => assert!(methods.contains(&value.as_str()), "{value}"),
            "status" => assert!((100..600).contains(&value.parse().unwrap()), "{value}"),
            "lane" => assert!(["password", "storage"].contains(&value.as_str()), "{value}"),
            "class" => assert!(
                ["sensitive", "refresh", "general"].contains(&value.as_str()),
                "{value}"
            ),
            "reason" => assert!(
                ["full", "displaced", "waited", "stuck"].contains(&value.as_str())
                    || MailFailureReason::ALL
                        .iter()
                        .any(|reason| reason.as_str() == value),
                "{value}"
            ),
            "kind" => assert!(
                ["delete-expired", "mail"].contains(&value.as_str()) || MailKind::parse(&value).is_some(),
                "{value}"
            ),
            "state" => assert!(["queued", "dead"].contains(&value.as_str()), "{value}"),
            "outcome" => assert!(
                ["completed", "retried", "dead", "taken-over", "unsettled"].contains(&value.as_str()),
                "{value}"
            ),
            "le" => {}
            other => panic!("unknown label {other}: add its allowed values here"),
        }
    }
    assert!(text.contains("method=\"other\"") && text.contains("route=\"unmatched\""));
}

#[test]
fn metrics_are_served_on_the_management_listener_only() {
    let database = Database::sqlite();
    let service = Service::on(&database);
    service.client().get("/metrics").problem(404, "not-found");
    service.management().get("/health/ready").ok(200);
    service.management().get("/health/live").ok(200);
    service.management().get("/v1/users").problem(404, "not-found");
    assert_eq!(service.run(&["health"], "").stdout, "ready\n");
}
