//! `doorward users …` beside a running server.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::database::{Database, on_both_databases};
use crate::harness::measure::Stopwatch;
use crate::harness::process::ProcessResult;
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, TestUser, login, register};

on_both_databases!(
    users_are_listed_and_shown,
    a_user_disabled_at_the_command_line_is_logged_out_within_a_second,
    roles_set_at_the_command_line_take_effect_within_a_second,
    sessions_ended_at_the_command_line_are_revoked_within_a_second,
    a_user_deleted_at_the_command_line_is_gone,
    the_last_administrator_cannot_be_removed_at_the_command_line,
    a_locked_user_is_unlocked_at_the_command_line,
    instances_of_the_last_release_see_what_a_stopping_server_and_the_command_line_revoke,
);

/// How soon a running server must honour a command, in microseconds.
const SOON: u64 = 1_000_000;

fn succeeds(service: &Service, arguments: &[&str]) -> String {
    let ended = service.run(arguments, "");
    assert_eq!(ended.status, 0, "{arguments:?}: {ended:?}");
    ended.stdout
}

fn assert_fails(ended: &ProcessResult, says: &str) {
    assert_eq!((ended.status, ended.stdout.as_str()), (1, ""), "{ended:?}");
    assert!(ended.stderr.contains(says), "{ended:?}");
}

/// Waits until the access token of the user is refused.
fn assert_revoked(user: &TestUser) {
    let stopwatch = Stopwatch::start();
    while user.client().get("/v1/auth/me").status != 401 {
        assert!(
            stopwatch.read() < SOON,
            "the token of {} is still accepted",
            user.email
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The latest audit event of a kind.
fn latest(admin: &TestUser, kind: &str) -> Value {
    let events = admin
        .client()
        .get(&format!("/v1/audit?kind={kind}&limit=1"))
        .ok(200);
    events["events"][0].clone()
}

fn users_are_listed_and_shown(database: &Database) {
    let service = Service::on(database);
    let root = service.admin();
    let grace = service.new_user("grace");

    let table = succeeds(&service, &["users", "list"]);
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[0].starts_with("ID "), "{table}");
    assert!(
        lines[2].contains(&grace.id) && lines[2].contains("grace@example.org"),
        "{table}"
    );

    let listed: Vec<Value> = succeeds(&service, &["users", "list", "--json"])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let served = root.client().get("/v1/users").ok(200);
    assert_eq!(json!(listed), served["users"]);
    for narrowed in [
        &["--email", "GRACE@example.org"][..],
        &[
            "--role",
            "user",
            "--status",
            "active",
            "--email",
            "grace@example.org",
        ],
    ] {
        let arguments = [&["users", "list", "--json"], narrowed].concat();
        let line = succeeds(&service, &arguments);
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["id"], *grace.id);
    }
    assert_eq!(
        succeeds(&service, &["users", "list", "--status", "disabled", "--json"]),
        ""
    );

    for reference in [grace.id.as_str(), "grace@example.org", "Grace@EXAMPLE.org"] {
        let shown = succeeds(&service, &["users", "show", reference, "--json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown, root.client().get(&grace.path()).ok(200));
        assert!(succeeds(&service, &["users", "show", reference]).contains("grace@example.org"));
    }
    assert_fails(
        &service.run(&["users", "show", "nobody@example.org"], ""),
        "user not found",
    );
    let wrong = service.run(&["users", "show", "nobody"], "");
    assert_eq!(wrong.status, 78, "{wrong:?}");
}

fn a_user_disabled_at_the_command_line_is_logged_out_within_a_second(database: &Database) {
    let service = Service::on(database);
    let client = service.client();
    let root = service.admin();
    let grace = service.new_user("grace");
    succeeds(&service, &["users", "disable", &grace.email]);
    assert_revoked(&grace);
    grace.try_refresh().problem(401, "invalid-refresh-token");
    login(&client, &grace.email, PASSWORD).problem(401, "invalid-credentials");
    let event = latest(&root, "user.status-changed");
    assert_eq!(event["detail"], json!({"status": "disabled", "by": "operator"}));
    assert_eq!(event["user_id"], *grace.id);
    assert!(event.get("actor_id").is_none(), "{event}");
    assert_eq!(latest(&root, "session.ended")["detail"]["by"], "operator");

    let enabled = succeeds(&service, &["users", "enable", &grace.email, "--json"]);
    assert_eq!(
        serde_json::from_str::<Value>(&enabled).unwrap()["status"],
        "active"
    );
    grace.try_refresh().problem(401, "invalid-refresh-token");
    login(&client, &grace.email, PASSWORD).ok(200);
}

fn roles_set_at_the_command_line_take_effect_within_a_second(database: &Database) {
    let service = Service::on(database);
    let root = service.admin();
    let mut grace = service.new_user("grace");
    let said = succeeds(&service, &["users", "set-roles", &grace.email, "user", "billing"]);
    assert!(said.contains("billing, user"), "{said}");
    assert_revoked(&grace);
    grace.refresh();
    assert_eq!(
        grace.client().get("/v1/auth/me").ok(200)["roles"],
        json!(["billing", "user"])
    );
    let detail = json!({"before": "user", "after": "billing user", "by": "operator"});
    assert_eq!(latest(&root, "user.roles-changed")["detail"], detail);
    let wrong = service.run(&["users", "set-roles", &grace.email, "Not A Role"], "");
    assert_fails(&wrong, "role");
}

fn sessions_ended_at_the_command_line_are_revoked_within_a_second(database: &Database) {
    let service = Service::on(database);
    let client = service.client();
    let grace = service.new_user("grace");
    succeeds(&service, &["users", "end-sessions", &grace.id]);
    assert_revoked(&grace);
    grace.try_refresh().problem(401, "invalid-refresh-token");
    login(&client, &grace.email, PASSWORD).ok(200);
}

fn a_user_deleted_at_the_command_line_is_gone(database: &Database) {
    let service = Service::on(database);
    let client = service.client();
    let root = service.admin();
    let grace = service.new_user("grace");
    for answer in ["", "\n", "no\n", "y\n"] {
        let ended = service.run(&["users", "delete", &grace.email], answer);
        assert_fails(&ended, "not confirmed");
        assert!(ended.stderr.contains(&grace.id), "{ended:?}");
    }
    grace.client().get("/v1/account").ok(200);
    let ended = service.run(&["users", "delete", &grace.email], "yes\n");
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_revoked(&grace);
    root.client().get(&grace.path()).problem(404, "not-found");
    assert_eq!(latest(&root, "user.deleted")["detail"], json!({"by": "operator"}));

    register(&client, "grace@example.org");
    let deleted = succeeds(&service, &["users", "delete", &grace.email, "--yes", "--json"]);
    assert_eq!(
        serde_json::from_str::<Value>(&deleted).unwrap()["email"],
        *grace.email
    );
    login(&client, &grace.email, PASSWORD).problem(401, "invalid-credentials");
}

/// They see revocations with a number only, and nobody gives one to those of a process that has ended.
fn instances_of_the_last_release_see_what_a_stopping_server_and_the_command_line_revoke(database: &Database) {
    let mut service = Service::on(database);
    service.admin();
    let users = ["ada", "eve", "grace", "joan"].map(|name| service.new_user(name));
    let [ada, eve, grace, joan] = &users;
    let count = |condition: &str| {
        let sql = format!("SELECT count(*) AS answer FROM revocations WHERE number {condition} 0");
        database.test_database().number(&sql)
    };
    ada.logout();
    assert!(service.terminate().success());
    assert!(count(">") > 0);
    assert_eq!(count("<"), 0, "the server has stopped");
    for arguments in [
        &["users", "disable", &ada.email][..],
        &["users", "set-roles", &eve.email, "user", "billing"],
        &["users", "end-sessions", &grace.email],
        &["users", "delete", &joan.email, "--yes"],
    ] {
        let before = count(">");
        succeeds(&service, arguments);
        assert_eq!(count("<"), 0, "{arguments:?}");
        assert!(count(">") > before, "{arguments:?}");
    }
}

fn the_last_administrator_cannot_be_removed_at_the_command_line(database: &Database) {
    let service = Service::on(database);
    let root = service.admin();
    for arguments in [
        &["users", "disable", &root.email][..],
        &["users", "set-roles", &root.email, "user"],
        &["users", "delete", &root.email, "--yes"],
    ] {
        assert_fails(&service.run(arguments, ""), "last active administrator");
    }
    root.client().get("/v1/users").ok(200);
}

fn a_locked_user_is_unlocked_at_the_command_line(database: &Database) {
    let service = Launch::on(database).set("attempts.free", "1").start();
    let client = service.client();
    let root = service.admin();
    register(&client, "grace@example.org");
    login(&client, "grace@example.org", "a wrong password").problem(401, "invalid-credentials");
    login(&client, "grace@example.org", PASSWORD).problem(429, "too-many-attempts");
    succeeds(&service, &["users", "unlock", "grace@example.org"]);
    login(&client, "grace@example.org", PASSWORD).ok(200);
    assert_eq!(
        latest(&root, "user.unlocked")["detail"],
        json!({"by": "operator"})
    );
}

/// A wrong directory must not look like an installation without users.
#[test]
fn a_command_for_users_creates_no_database() {
    let home = tempfile::tempdir().unwrap();
    let wrong = home.path().join("wrong");
    let ended = std::process::Command::new(env!("CARGO_BIN_EXE_doorward"))
        .args(["users", "list", "--data-dir"])
        .arg(&wrong)
        .current_dir(home.path())
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(String::from_utf8_lossy(&ended.stderr).contains("there is no database at"));
    assert!(!wrong.exists());
}
