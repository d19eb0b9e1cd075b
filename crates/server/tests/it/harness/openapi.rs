//! The operations of the OpenAPI document, so that tests over all operations include those added later.

use serde_json::{Map, Value};

use crate::harness::client::Client;

/// The methods that are tried on each path.
pub const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// An operation of the document.
pub struct Operation {
    /// Its method.
    pub method: String,
    /// Its path, with parameters in braces.
    pub path: String,
    /// The required permission, or `public`.
    pub permission: String,
    /// The schema of its request body.
    pub body: Option<Body>,
}

/// The schema of a request body.
pub struct Body {
    /// The schema of each member.
    pub members: Map<String, Value>,
    /// The required members.
    pub required: Vec<String>,
}

/// All operations, ordered by path.
pub fn operations(client: &Client) -> Vec<Operation> {
    let document = client.get("/openapi.json").ok(200);
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, said) in methods.as_object().unwrap() {
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                permission: said["x-permission"].as_str().unwrap().to_owned(),
                body: body(&document, said),
            });
        }
    }
    assert!(operations.len() > 20, "{}", operations.len());
    operations
}

fn body(document: &Value, said: &Value) -> Option<Body> {
    let schema = said.pointer("/requestBody/content/application~1json/schema/$ref")?;
    let schema = document
        .pointer(schema.as_str().unwrap().trim_start_matches('#'))
        .unwrap();
    let required = schema.get("required").and_then(Value::as_array);
    Some(Body {
        members: schema["properties"].as_object().unwrap().clone(),
        required: required
            .into_iter()
            .flatten()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect(),
    })
}

impl Operation {
    /// The path with `parameter` in place of each parameter.
    pub fn path_of(&self, parameter: &str) -> String {
        let fill = |segment: &str| {
            if segment.starts_with('{') {
                parameter.to_owned()
            } else {
                segment.to_owned()
            }
        };
        self.path.split('/').map(fill).collect::<Vec<_>>().join("/")
    }

    /// The operation's name in messages.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}
