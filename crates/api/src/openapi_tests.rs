//! The document says what the server does.

use std::collections::BTreeSet;

use serde_json::Value;

use super::openapi_json;
use crate::routes;

fn document() -> Value {
    serde_json::from_str(openapi_json()).unwrap()
}

/// Each operation of the document: its path, its method in capitals, and what is said about it.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .map(move |(method, said)| (path.clone(), method.to_uppercase(), said.clone()))
        })
        .collect()
}

#[test]
fn every_route_is_documented_and_every_documented_route_is_there() {
    let documented: BTreeSet<_> = operations(&document())
        .into_iter()
        .map(|(path, method, _)| format!("{method} {path}"))
        .collect();
    let registered: BTreeSet<_> = routes::public()
        .iter()
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(documented, registered);
}

#[test]
fn the_document_in_the_repository_is_up_to_date() {
    doorward_testkit::assert_golden("docs/openapi.json", &format!("{}\n", openapi_json()));
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let operations = operations(&document());
    let names: BTreeSet<_> = operations
        .iter()
        .map(|(_, _, said)| said["operationId"].to_string())
        .collect();
    assert_eq!(names.len(), operations.len(), "{names:?}");
}

#[test]
fn every_operation_says_who_may_and_how_it_fails() {
    for (path, method, said) in operations(&document()) {
        let permission = said["x-permission"]
            .as_str()
            .unwrap_or_else(|| panic!("{method} {path}: no x-permission"));
        let secured = said["security"]
            .as_array()
            .unwrap()
            .iter()
            .any(|scheme| scheme.get("bearer").is_some());
        assert_eq!(secured, permission != "public", "{method} {path}");
        assert!(
            said["responses"].get("default").is_some(),
            "{method} {path}: no problem response"
        );
        assert!(said["summary"].is_string(), "{method} {path}: no summary");
    }
}

#[test]
fn every_request_body_refuses_unknown_members() {
    let document = document();
    for (path, method, said) in operations(&document) {
        let Some(schema) = said.pointer("/requestBody/content/application~1json/schema/$ref") else {
            continue;
        };
        let pointer = schema.as_str().unwrap().trim_start_matches('#');
        let body = document.pointer(pointer).unwrap();
        assert_eq!(
            body["additionalProperties"],
            Value::Bool(false),
            "{method} {path}"
        );
    }
}

#[test]
fn the_document_is_of_openapi_3_1_and_answers_problems() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let problem = &document["components"]["schemas"]["Problem"];
    assert_eq!(
        problem["required"],
        serde_json::json!(["type", "title", "status", "code", "request_id"])
    );
}
