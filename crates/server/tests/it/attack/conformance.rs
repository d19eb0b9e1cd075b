//! Schemathesis generates requests from the OpenAPI document and checks the responses against it.
//!
//! `DOORWARD_TEST_SCHEMATHESIS` names the executable of Schemathesis (from `PyPI`). Without it the tests are skipped
//! with a message, and fail if `CI` is set.

use std::process::Command;

use serde_json::json;

use crate::harness::database::Database;
use crate::harness::measure::print_uncaptured;
use crate::harness::process::{directory, run};
use crate::harness::service::Service;
use crate::harness::users::{PASSWORD, text};

/// Excluded because it would end the session that the requests use.
const ENDS_THE_SESSION: &str = "/v1/auth/logout-all";

#[test]
fn anonymous_responses_conform_to_the_openapi_document() {
    let service = Service::on(&Database::sqlite());
    conform("without a token", &service, &[]);
}

#[test]
fn administrator_responses_conform_to_the_openapi_document() {
    let database = Database::postgres().unwrap_or_else(Database::sqlite);
    let service = Service::on(&database);
    let admin = service.admin();
    let bearer = format!("Authorization: Bearer {}", admin.access());
    let arguments = ["--header", &bearer, "--exclude-path", ENDS_THE_SESSION];
    conform("with an administrator's token", &service, &arguments);
    // The session still works: otherwise most responses were 401.
    admin.client().get("/v1/users").ok(200);
}

fn conform(how: &str, service: &Service, arguments: &[&str]) {
    let Some(program) = std::env::var_os("DOORWARD_TEST_SCHEMATHESIS") else {
        let reason = "DOORWARD_TEST_SCHEMATHESIS names no executable";
        assert!(std::env::var_os("CI").is_none(), "{reason}");
        print_uncaptured(&format!("not run: {reason}"));
        return;
    };
    let scale = std::env::var("DOORWARD_ATTACK_SCALE").map_or(1, |scale| scale.parse().unwrap());
    let place = directory();
    let id = bystander(service);
    let settings = format!("[parameters]\n\"path.id\" = \"{id}\"\n\"path.code\" = \"not-found\"\n");
    std::fs::write(place.path().join("settings.toml"), settings).unwrap();
    let mut command = Command::new(program);
    command
        .current_dir(place.path())
        .args(["--config-file", "settings.toml", "run"])
        .arg(format!("http://{}/openapi.json", service.address()))
        .args(["--checks", "not_a_server_error,status_code_conformance"])
        .args(["--checks", "content_type_conformance,response_schema_conformance"])
        .args(["--phases", "examples,coverage,fuzzing"])
        .arg(format!("--max-examples={}", 3 * scale))
        .args(["--generation-database", "none", "--no-color", "--warnings", "off"])
        .args(arguments);
    let ended = run(command, "");
    assert_eq!(ended.status, 0, "{how}: {}\n{}", ended.stdout, ended.stderr);
    let line = |what: &str| {
        let lines = ended.stdout.lines().map(str::trim);
        let mut found = lines.filter(|line| line.contains(what));
        found
            .next()
            .unwrap_or_else(|| panic!("{}", ended.stdout))
            .to_owned()
    };
    print_uncaptured(&format!(
        "attack, Schemathesis {how}: operations: {}; {}",
        line("Tested: "),
        line(" generated, ")
    ));
}

/// Registers a user whose id is used in paths.
fn bystander(service: &Service) -> String {
    let client = service.client();
    let body = json!({"email": "bystander@example.org", "password": PASSWORD});
    let user = client.post("/v1/auth/register", &body).ok(201);
    text(&user["id"])
}
