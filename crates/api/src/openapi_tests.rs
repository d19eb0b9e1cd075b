//! The OpenAPI document agrees with the route table.

use std::collections::BTreeSet;

use serde_json::Value;

use super::openapi_json;
use crate::routes;

fn document() -> Value {
    serde_json::from_str(&openapi_json("")).unwrap()
}

/// The path, the method in capitals and the operation object of each operation.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .map(move |(method, operation)| (path.clone(), method.to_uppercase(), operation.clone()))
        })
        .collect()
}

#[test]
fn every_route_is_documented_and_every_documented_route_exists() {
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
    doorward_testkit::assert_golden("docs/openapi.json", &format!("{}\n", openapi_json("")));
}

#[test]
fn every_operation_id_is_unique() {
    let operations = operations(&document());
    let ids: BTreeSet<_> = operations
        .iter()
        .map(|(_, _, operation)| operation["operationId"].to_string())
        .collect();
    assert_eq!(ids.len(), operations.len(), "{ids:?}");
}

#[test]
fn every_operation_has_a_permission_a_problem_response_and_a_summary() {
    for (path, method, operation) in operations(&document()) {
        let permission = operation["x-permission"]
            .as_str()
            .unwrap_or_else(|| panic!("{method} {path}: no x-permission"));
        let secured = operation["security"]
            .as_array()
            .unwrap()
            .iter()
            .any(|scheme| scheme.get("bearer").is_some());
        assert_eq!(secured, permission != "public", "{method} {path}");
        assert!(
            operation["responses"].get("default").is_some(),
            "{method} {path}: no problem response"
        );
        assert!(operation["summary"].is_string(), "{method} {path}: no summary");
    }
}

#[test]
fn every_request_body_rejects_unknown_members() {
    let document = document();
    for (path, method, operation) in operations(&document) {
        let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema/$ref") else {
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
fn the_document_is_openapi_3_1_and_describes_problems() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let problem = &document["components"]["schemas"]["Problem"];
    assert_eq!(
        problem["required"],
        serde_json::json!(["type", "title", "status", "code", "request_id"])
    );
}

#[test]
fn a_base_path_is_the_only_server() {
    assert_eq!(document()["servers"], Value::Null);
    let under: Value = serde_json::from_str(&openapi_json("/base")).unwrap();
    assert_eq!(under["servers"], serde_json::json!([{"url": "/base"}]));
}
