//! The `doorward keys` commands, and their effect on a running server.

use std::fs;
use std::thread;
use std::time::SystemTime;

use tempfile::TempDir;

use crate::harness::database::Database;
use crate::harness::process::{ProcessResult, directory, doorward, eventually};
use crate::harness::service::Service;

const OLD: (&str, &str) = (
    "DOORWARD_KEYS__MASTER_KEY",
    "AAzBIB9Mi4Lq2lKfGKSvJP97lSj/6JbmSQX5Ot8VQ4s=",
);
const NEW: (&str, &str) = (
    "DOORWARD_KEYS__MASTER_KEY",
    "BAzBIB9Mi4Lq2lKfGKSvJP97lSj/6JbmSQX5Ot8VQ4s=",
);
const PREVIOUS: &str = "DOORWARD_KEYS__PREVIOUS_MASTER_KEY";

/// Runs a command that must succeed, and returns its output lines.
fn lines(directory: &TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> Vec<String> {
    let ended = doorward(directory, arguments, environment);
    assert_eq!(ended.status, 0, "{ended:?}");
    ended.stdout.lines().map(str::to_owned).collect()
}

/// The rows of `keys list`, split into cells.
fn list(directory: &TempDir, environment: &[(&str, &str)]) -> Vec<Vec<String>> {
    let lines = lines(directory, &["keys", "list"], environment);
    let rows = lines.iter().skip(1);
    rows.map(|row| row.split_whitespace().map(str::to_owned).collect())
        .collect()
}

/// Some columns of `keys list`: purpose, algorithm, ordinal, state.
fn states(directory: &TempDir, environment: &[(&str, &str)]) -> Vec<String> {
    let rows = list(directory, environment);
    rows.iter().map(|row| row[1..5].join(" ")).collect()
}

fn assert_misconfigured(ended: &ProcessResult, says: &str) {
    assert_eq!(ended.status, 78, "{ended:?}");
    assert!(ended.stderr.contains(says), "{ended:?} does not say {says:?}");
    assert_eq!(ended.stdout, "");
}

#[test]
fn rotate_creates_the_next_key_of_each_purpose_once() {
    let directory = directory();
    assert_eq!(list(&directory, &[]), Vec::<Vec<String>>::new());
    let said = lines(&directory, &["keys", "rotate"], &[]);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said.iter().all(|line| line.contains("created, first use at ")),
        "{said:?}"
    );
    let before = list(&directory, &[]);
    assert_eq!(
        states(&directory, &[]),
        [
            "access-signing EdDSA 1 current",
            "access-signing EdDSA 2 published",
            "refresh-sealing HS256 1 current",
            "refresh-sealing HS256 2 published",
        ]
    );
    // The first key is kept until its tokens have expired; the second has no successor yet.
    assert!(before[0][7].ends_with('Z') && before[1][7] == "-", "{before:?}");

    let said = lines(&directory, &["keys", "rotate"], &[]);
    assert!(
        said.iter().all(|line| line.contains("exists already")),
        "{said:?}"
    );
    assert_eq!(list(&directory, &[]), before);
}

#[test]
fn concurrent_rotate_commands_create_one_key() {
    let directory = directory();
    lines(&directory, &["migrate"], &[]);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| lines(&directory, &["keys", "rotate"], &[]));
        }
    });
    assert_eq!(list(&directory, &[]).len(), 4);
}

#[test]
fn list_prints_a_header_and_no_secrets() {
    let directory = directory();
    lines(&directory, &["keys", "rotate"], &[]);
    let ended = doorward(&directory, &["keys", "list"], &[]);
    let head = ended.stdout.lines().next().unwrap();
    assert!(head.starts_with("KID ") && head.ends_with("KEPT UNTIL"), "{head}");
    let widest = ended.stdout.lines().map(str::len).max();
    assert!(widest < Some(200), "{ended:?}");
}

#[test]
fn reseal_moves_all_keys_to_a_new_master_key() {
    let directory = directory();
    lines(&directory, &["keys", "rotate"], &[OLD]);
    let before = list(&directory, &[OLD]);
    let both = [NEW, (PREVIOUS, OLD.1)];

    let alone = doorward(&directory, &["keys", "reseal"], &[NEW]);
    assert_misconfigured(&alone, "can be given as keys.previous_master_key");
    let wrong = [NEW, (PREVIOUS, "BBBBIB9Mi4Lq2lKfGKSvJP97lSj/6JbmSQX5Ot8VQ4s=")];
    let wrong = doorward(&directory, &["keys", "reseal"], &wrong);
    assert_misconfigured(&wrong, "neither keys.master_key nor keys.previous_master_key");

    let reseal = |environment: &[(&str, &str)]| lines(&directory, &["keys", "reseal"], environment);
    let anew = "4 keys resealed with keys.master_key, 0 already sealed with it";
    assert_eq!(reseal(&both), [anew]);
    let again = "0 keys resealed with keys.master_key, 4 already sealed with it";
    assert_eq!(reseal(&both), [again]);
    assert_eq!(reseal(&[NEW]), [again]);
    assert_eq!(list(&directory, &[NEW]), before);
    assert_misconfigured(
        &doorward(&directory, &["keys", "rotate"], &[OLD]),
        "keys.master_key",
    );
}

#[test]
fn reseal_replaces_a_generated_master_key() {
    let directory = directory();
    lines(&directory, &["keys", "rotate"], &[]);
    let file = ("DOORWARD_KEYS__PREVIOUS_MASTER_KEY_FILE", "data/master.key");
    assert_eq!(lines(&directory, &["keys", "reseal"], &[NEW, file]).len(), 1);
    fs::write(directory.path().join("data/master.key"), NEW.1).unwrap();
    assert_eq!(list(&directory, &[]).len(), 4);
    lines(&directory, &["keys", "rotate"], &[]);
}

#[test]
fn a_running_server_publishes_a_rotated_key_before_its_first_use() {
    let database = Database::sqlite();
    let service = Service::on(&database);
    let key_set = || service.client().get("/.well-known/jwks.json");
    let before = key_set();
    assert_eq!(before.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(before.is(200).body()["keys"].as_array().unwrap().len(), 1);

    let run = |arguments: &[&str]| {
        let ended = service.run(arguments, "");
        assert_eq!(ended.status, 0, "{ended:?}");
        ended.stdout
    };
    run(&["keys", "rotate"]);
    let listed = run(&["keys", "list"]);
    let waiting: Vec<&str> = listed
        .lines()
        .find(|line| line.contains("published"))
        .unwrap()
        .split_whitespace()
        .collect();
    let after = eventually("two keys are published", || {
        let set = key_set();
        (set.is(200).body()["keys"].as_array().unwrap().len() == 2).then_some(set)
    });
    assert!(after.text().contains(waiting[0]), "{listed}");
    let first_use: jiff::Timestamp = waiting[6].parse().unwrap();
    #[expect(clippy::disallowed_methods, reason = "the program uses the real time")]
    let now = jiff::Timestamp::try_from(SystemTime::now()).unwrap();
    assert!(first_use.duration_since(now).as_secs() > 300 + 5, "{listed}");
}
