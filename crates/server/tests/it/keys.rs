//! The keys as operators meet them: `doorward keys …`, and a server that rotates them.

use std::fs;
use std::thread;
use std::time::SystemTime;

use tempfile::TempDir;

use crate::backing::Backing;
use crate::service::Service;
use crate::support::{Ended, directory, doorward, eventually};

const OLD: (&str, &str) = (
    "DOORWARD_KEYS__MASTER_KEY",
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
);
const NEW: (&str, &str) = (
    "DOORWARD_KEYS__MASTER_KEY",
    "BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
);
const PREVIOUS: &str = "DOORWARD_KEYS__PREVIOUS_MASTER_KEY";

/// Runs a command that has to succeed, and gives its lines.
fn lines(directory: &TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> Vec<String> {
    let ended = doorward(directory, arguments, environment);
    assert_eq!(ended.status, 0, "{ended:?}");
    ended.stdout.lines().map(str::to_owned).collect()
}

/// The cells of the list of keys, a row each.
fn list(directory: &TempDir, environment: &[(&str, &str)]) -> Vec<Vec<String>> {
    let lines = lines(directory, &["keys", "list"], environment);
    let rows = lines.iter().skip(1);
    rows.map(|row| row.split_whitespace().map(str::to_owned).collect())
        .collect()
}

/// Some columns of the list of keys: purpose, algorithm, ordinal, state.
fn states(directory: &TempDir, environment: &[(&str, &str)]) -> Vec<String> {
    let rows = list(directory, environment);
    rows.iter().map(|row| row[1..5].join(" ")).collect()
}

fn assert_misconfigured(ended: &Ended, says: &str) {
    assert_eq!(ended.status, 78, "{ended:?}");
    assert!(ended.stderr.contains(says), "{ended:?} does not say {says:?}");
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_rotation_makes_the_next_key_of_each_purpose_once() {
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
    // The first is kept until its tokens have expired, the second has no successor yet.
    assert!(before[0][7].ends_with('Z') && before[1][7] == "-", "{before:?}");

    let said = lines(&directory, &["keys", "rotate"], &[]);
    assert!(
        said.iter().all(|line| line.contains("exists already")),
        "{said:?}"
    );
    assert_eq!(list(&directory, &[]), before);
}

#[test]
fn of_several_commands_at_once_one_makes_the_key() {
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
fn a_list_tells_no_secret_and_begins_with_its_columns() {
    let directory = directory();
    lines(&directory, &["keys", "rotate"], &[]);
    let ended = doorward(&directory, &["keys", "list"], &[]);
    let head = ended.stdout.lines().next().unwrap();
    assert!(head.starts_with("KID ") && head.ends_with("KEPT UNTIL"), "{head}");
    let widest = ended.stdout.lines().map(str::len).max();
    assert!(widest < Some(200), "{ended:?}");
}

#[test]
fn another_master_key_is_brought_in_without_losing_a_key() {
    let directory = directory();
    lines(&directory, &["keys", "rotate"], &[OLD]);
    let before = list(&directory, &[OLD]);
    let both = [NEW, (PREVIOUS, OLD.1)];

    let alone = doorward(&directory, &["keys", "reseal"], &[NEW]);
    assert_misconfigured(&alone, "can be given as keys.previous_master_key");
    let wrong = [NEW, (PREVIOUS, "BBBBAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")];
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
fn the_key_of_the_first_start_can_be_replaced_too() {
    let directory = directory();
    lines(&directory, &["keys", "rotate"], &[]);
    let file = ("DOORWARD_KEYS__PREVIOUS_MASTER_KEY_FILE", "data/master.key");
    assert_eq!(lines(&directory, &["keys", "reseal"], &[NEW, file]).len(), 1);
    fs::write(directory.path().join("data/master.key"), NEW.1).unwrap();
    assert_eq!(list(&directory, &[]).len(), 4);
    lines(&directory, &["keys", "rotate"], &[]);
}

#[test]
fn a_key_made_by_command_is_published_by_a_running_server_before_its_first_use() {
    let backing = Backing::sqlite();
    let service = Service::on(&backing);
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
    #[expect(
        clippy::disallowed_methods,
        reason = "the program goes by the time as it passes"
    )]
    let now = jiff::Timestamp::try_from(SystemTime::now()).unwrap();
    assert!(first_use.duration_since(now).as_secs() > 300 + 5, "{listed}");
}
