//! Reading the audit log over HTTP.

use doorward_domain::audit::EventKind;
use serde_json::Value;

use crate::harness::client::Client;
use crate::harness::response_schema::{assert_members, instant};
use crate::harness::users::text;

/// Asserts that the value is an `Event` of the API contract.
fn assert_event(event: &Value) {
    let mut names = vec!["id", "at", "kind", "outcome", "request_id", "detail"];
    for optional in ["user_id", "actor_id", "session_id", "ip", "user_agent"] {
        if let Some(value) = event.get(optional) {
            assert!(value.is_string(), "{event}");
            names.push(optional);
        }
    }
    assert_members(event, &names);
    instant(&event["at"]);
    assert!(EventKind::parse(&text(&event["kind"])).is_some(), "{event}");
    assert!(["success", "failure"].contains(&text(&event["outcome"]).as_str()));
    assert!(!text(&event["id"]).is_empty() && !text(&event["request_id"]).is_empty());
    let detail = event["detail"].as_object().unwrap();
    assert!(detail.values().all(Value::is_string), "{event}");
}

/// Reads all pages, and returns the events.
pub fn walk(client: &Client, query: &str) -> Vec<Value> {
    let (mut events, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/v1/audit?{query}{cursor}")).ok(200);
        for event in page["events"].as_array().unwrap() {
            assert_event(event);
            events.push(event.clone());
        }
        assert!(events.len() < 1000);
        let Some(next) = page.get("next_cursor") else {
            assert_members(&page, &["events"]);
            return events;
        };
        assert_members(&page, &["events", "next_cursor"]);
        cursor = format!("&cursor={}", text(next));
    }
}
