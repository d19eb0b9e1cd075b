//! Start, shutdown, restart and crash of the service.

use std::os::unix::fs::PermissionsExt;
use std::thread;

use serde_json::json;

use crate::harness::database::{Database, on_both_databases};
use crate::harness::process::{ProcessResult, directory, eventually, run};
use crate::harness::response_schema::decode;
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, TestUser, login, refresh, register};

on_both_databases!(
    sessions_survive_a_restart,
    acknowledged_changes_survive_sigkill,
    two_instances_started_together_share_keys_and_sessions,
    a_wrong_master_key_exits_with_the_configuration_status,
    requests_in_progress_finish_before_shutdown,
    the_migrate_command_applies_pending_migrations,
);

/// Runs a server that must exit by itself.
fn run_to_exit(launch: &Launch) -> ProcessResult {
    run(launch.command(directory().path(), &["serve"]), "")
}

#[test]
fn the_server_starts_without_configuration() {
    let mut service = Launch::bare().start();
    let data = service.home().join("data");
    let mode = |name: &str| data.join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("."), 0o700);
    assert_eq!(mode("master.key"), 0o600);
    assert!(data.join("doorward.db").exists());
    assert_eq!(service.output().matches("Setup token: dws_").count(), 1);
    assert_eq!(service.management().get("/health/ready").ok(200)["status"], "ok");
    let mut admin = service.admin();
    assert!(service.terminate().success());

    service.restart();
    admin = TestUser::login(&service.client(), &admin.email, PASSWORD);
    admin.client().get("/v1/users").ok(200);
    assert_eq!(service.output().matches("Setup token").count(), 1);
    assert!(!service.log().contains(&service.setup_token()));
    assert!(service.terminate().success());

    std::fs::remove_file(data.join("master.key")).unwrap();
    let ended = service.run(&["serve"], "");
    assert_eq!(ended.status, 78, "{ended:?}");
    assert!(ended.stderr.contains("master.key is missing"), "{ended:?}");
}

#[test]
fn sigint_shuts_the_server_down_gracefully() {
    let database = Database::sqlite();
    let mut service = Service::on(&database);
    // An idle connection must not delay the shutdown.
    service.client().get("/health/live").ok(200);
    service.signal("INT");
    let status = service.wait();
    assert_eq!(status.code(), Some(0));
    assert!(service.log().contains("\"stopped\""));
}

#[test]
fn an_unreachable_database_has_its_own_exit_status() {
    let unreachable = Launch::on(&Database::sqlite()).env(
        "DOORWARD_DATABASE__URL",
        "postgres://doorward:hunter2@127.0.0.1:1/doorward",
    );
    for arguments in [
        &["serve"][..],
        &["migrate"],
        &["setup-token"],
        &["users", "create", "--email", "a@example.org", "--password-stdin"],
    ] {
        let ended = run(unreachable.command(directory().path(), arguments), PASSWORD);
        assert_eq!(ended.status, 69, "{ended:?}");
        let last = ended.stderr.lines().last().unwrap();
        assert!(last.starts_with("doorward: database: "), "{ended:?}");
        assert!(
            last.contains("127.0.0.1") && !ended.stderr.contains("hunter2"),
            "{ended:?}"
        );
    }
}

#[test]
fn postgres_without_a_master_key_exits_with_the_configuration_status() {
    let keyless = Launch::bare().env(
        "DOORWARD_DATABASE__URL",
        "postgres://doorward@127.0.0.1:1/doorward",
    );
    let ended = run_to_exit(&keyless);
    assert_eq!(ended.status, 78, "{ended:?}");
    assert!(
        ended
            .stderr
            .starts_with("doorward: configuration: keys.master_key "),
        "{ended:?}"
    );
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
}

#[test]
fn an_address_in_use_is_reported() {
    let database = Database::sqlite();
    let service = Service::on(&database);
    let elsewhere = Database::sqlite();
    let second = Launch::on(&elsewhere).set("server.listen", &service.address().to_string());
    let ended = run_to_exit(&second);
    assert_eq!((ended.status, ended.stdout.as_str()), (1, ""), "{ended:?}");
    let last = ended.stderr.lines().last().unwrap();
    assert!(last.starts_with("doorward: cannot serve: "), "{ended:?}");
}

fn a_wrong_master_key_exits_with_the_configuration_status(database: &Database) {
    let mut service = Service::on(database);
    let grace = service.new_user("grace");
    assert!(service.terminate().success());
    let other = Launch::on(database).env(
        "DOORWARD_KEYS__MASTER_KEY",
        "rkSKyGxOjk3sZFcpcI70GHOuecbf+E7/czYJiUh/COU=",
    );
    let (status, log) = other.spawn().wait_for_exit();
    assert_eq!(status.code(), Some(78), "{log}");
    let last = log.lines().last().unwrap();
    assert!(
        last.starts_with("doorward: configuration: keys.master_key: "),
        "{log}"
    );
    // The data is intact with the right key.
    service.restart();
    TestUser::login(&service.client(), &grace.email, PASSWORD);
}

fn sessions_survive_a_restart(database: &Database) {
    let mut service = Service::on(database);
    let mut grace = service.new_user("grace");
    let ended = grace.login_again();
    ended.logout();
    assert_eq!(service.terminate().code(), Some(0));
    service.restart();
    let me = service
        .client()
        .with_token(&grace.access())
        .get("/v1/auth/me")
        .ok(200);
    assert_eq!(me["session_id"], grace.session());
    let pair = refresh(&service.client(), &grace.refresh_token()).ok(200);
    assert_eq!(pair["session_id"], grace.session());
    refresh(&service.client(), &ended.refresh_token()).problem(401, "invalid-refresh-token");
    grace = TestUser::login(&service.client(), &grace.email, PASSWORD);
    assert_eq!(
        decode(&grace.access()).0["kid"],
        decode(pair["access_token"].as_str().unwrap()).0["kid"]
    );
}

fn acknowledged_changes_survive_sigkill(database: &Database) {
    let mut service = Service::on(database);
    for round in 0..3 {
        let email = format!("round{round}@example.org");
        register(&service.client(), &email);
        service.kill();
        service.restart();

        let pair = login(&service.client(), &email, PASSWORD).ok(200);
        service.kill();
        service.restart();

        let body = json!({"refresh_token": pair["refresh_token"]});
        let pair = service.client().post("/v1/auth/refresh", &body).ok(200);
        service.kill();
        service.restart();

        let body = json!({"refresh_token": pair["refresh_token"]});
        service.client().post("/v1/auth/logout", &body).is_empty(204);
        service.kill();
        service.restart();
        service
            .client()
            .post("/v1/auth/refresh", &body)
            .problem(401, "invalid-refresh-token");
    }
}

fn two_instances_started_together_share_keys_and_sessions(database: &Database) {
    let [one, two] = [(); 2].map(|()| Launch::on(database).spawn());
    let (one, two) = (one.wait_until_ready(), two.wait_until_ready());
    let keys = |service: &Service| service.client().get("/.well-known/jwks.json").body();
    assert_eq!(keys(&one), keys(&two));
    assert_eq!(keys(&one)["keys"].as_array().unwrap().len(), 1);
    let tokens = [&one, &two].map(|service| service.output().matches("Setup token").count());
    assert_eq!(tokens.iter().sum::<usize>(), 1, "{tokens:?}");

    let grace = one.new_user("grace");
    two.client()
        .with_token(&grace.access())
        .get("/v1/auth/me")
        .ok(200);
    let at_two = TestUser::login(&two.client(), &grace.email, PASSWORD);
    one.client()
        .with_token(&at_two.access())
        .get("/v1/auth/me")
        .ok(200);
    // Concurrent refreshes on two instances return the same successor.
    let successors: Vec<_> = thread::scope(|scope| {
        let racers: Vec<_> = [&one, &two, &one, &two]
            .into_iter()
            .map(|service| {
                let (client, token) = (service.client(), grace.refresh_token());
                scope.spawn(move || refresh(&client, &token).ok(200)["refresh_token"].clone())
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert!(
        successors.windows(2).all(|pair| pair[0] == pair[1]),
        "{successors:?}"
    );
    let body = json!({"refresh_token": successors[0]});
    two.client().post("/v1/auth/logout", &body).is_empty(204);
    one.client()
        .post("/v1/auth/refresh", &body)
        .problem(401, "invalid-refresh-token");
}

fn requests_in_progress_finish_before_shutdown(database: &Database) {
    // Slow hashes, one after the other, so that some requests wait when the signal arrives.
    let mut service = Launch::on(database)
        .set("password.argon2.memory_kib", "65536")
        .set("password.argon2.iterations", "2")
        .set("lane.workers", "1")
        .set("lane.deadline", "30s")
        .start();
    let (client, operator) = (service.client(), service.management());
    operator.get("/health/ready").ok(200);
    let waiting = || {
        let metrics = operator.get("/metrics");
        let line = "doorward_lane_waiting{lane=\"password\"} ";
        let value = metrics.text().lines().find_map(|found| found.strip_prefix(line));
        value.and_then(|value| value.parse::<u32>().ok()).unwrap()
    };
    let statuses = thread::scope(|scope| {
        let logins: Vec<_> = (0..6)
            .map(|number| {
                let client = client.clone();
                let email = format!("nobody{number}@example.org");
                scope.spawn(move || login(&client, &email, PASSWORD).status)
            })
            .collect();
        eventually("logins wait", || (waiting() >= 3).then_some(()));
        service.signal("TERM");
        eventually("the service is not ready", || {
            let response = operator.get("/health/ready");
            (response.status == 503).then(|| assert_eq!(response.body()["status"], "draining"))
        });
        operator.get("/health/live").is(200);
        logins
            .into_iter()
            .map(|login| login.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(statuses, [401; 6]);
    assert_eq!(service.wait().code(), Some(0));
}

fn the_migrate_command_applies_pending_migrations(database: &Database) {
    let home = directory();
    let migrate = || run(Launch::on(database).command(home.path(), &["migrate"]), "");
    let first = migrate();
    assert_eq!(first.status, 0, "{first:?}");
    assert!(first.stdout.starts_with("applied: "), "{first:?}");
    assert_eq!(
        (migrate().status, migrate().stdout.as_str()),
        (0, "the schema is up to date\n")
    );
    let service = Service::on(database);
    assert!(!service.log().contains("schema brought up to date"));
    service.admin();
}
