//! Reading the audit log over HTTP, page by page or by request.

use doorward_domain::audit::EventKind;
use serde_json::{Value, json};

use crate::harness::client::{Client, Response};
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

/// Reads the audit log as an administrator.
pub struct Reader {
    client: Client,
}

/// The user, actor and session of an event.
#[derive(Default)]
pub struct Subjects<'a> {
    user: Option<&'a str>,
    actor: Option<&'a str>,
    session: Option<&'a str>,
}

/// The subjects of an event about this user.
pub fn user(id: &str) -> Subjects<'_> {
    Subjects {
        user: Some(id),
        ..Subjects::default()
    }
}

impl<'a> Subjects<'a> {
    /// The same, caused by this user.
    pub fn by(mut self, actor: &'a str) -> Self {
        self.actor = Some(actor);
        self
    }

    /// The same, in this session.
    pub fn within(mut self, session: &'a str) -> Self {
        self.session = Some(session);
        self
    }
}

impl Reader {
    /// Reads with the token of this client.
    pub fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
        }
    }

    /// All events that match a query.
    pub fn events(&self, query: &str) -> Vec<Value> {
        walk(&self.client, query)
    }

    /// The one event of that kind that was written by this request.
    pub fn event(&self, kind: &str, response: &Response) -> Value {
        let request = response.header("x-request-id").unwrap();
        let mut events = self.events(&format!("kind={kind}&limit=100"));
        events.retain(|event| event["request_id"] == request);
        assert_eq!(events.len(), 1, "{kind} of {response:?}: {events:?}");
        events.remove(0)
    }

    /// Asserts that the request wrote one event of that kind with exactly these contents.
    pub fn assert_recorded(
        &self,
        response: &Response,
        kind: &str,
        outcome: &str,
        whom: &Subjects<'_>,
        detail: &Value,
    ) {
        let mut event = self.event(kind, response);
        let members = event.as_object_mut().unwrap();
        assert!(members.remove("id").is_some() && members.remove("at").is_some());
        let mut expected = json!({
            "kind": kind,
            "outcome": outcome,
            "ip": "127.0.0.1",
            "user_agent": "doorward-tests",
            "request_id": response.header("x-request-id"),
            "detail": detail,
        });
        for (name, id) in [
            ("user_id", whom.user),
            ("actor_id", whom.actor),
            ("session_id", whom.session),
        ] {
            if let Some(id) = id {
                expected[name] = json!(id);
            }
        }
        assert_eq!(event, expected);
    }
}
