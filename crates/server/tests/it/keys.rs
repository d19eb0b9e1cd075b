//! The keys as operators meet them: `doorward keys …`, and a server that rotates them.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::support::{Ended, directory, doorward};

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
        said.iter()
            .all(|line| line.contains("was made, and takes over at ")),
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
        said.iter().all(|line| line.contains("is there already")),
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
    let anew = "4 keys were sealed anew under keys.master_key, 0 were under it already";
    assert_eq!(reseal(&both), [anew]);
    let again = "0 keys were sealed anew under keys.master_key, 4 were under it already";
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

/// A running server, ended with the test.
struct Server {
    process: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Server {
    /// Starts in a directory of its own; several share the data directory by its path.
    fn start(home: &TempDir, settings: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
        command.current_dir(home.path()).env_clear();
        for setting in settings {
            command.args(["--set", setting]);
        }
        command
            .args(["--listen", "127.0.0.1:0"])
            .args(["--set", "server.management_listen=127.0.0.1:0"]);
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let listen = home.path().join("data/listen");
        let address = eventually("a server that listens", || fs::read_to_string(&listen).ok());
        let address = address.trim_end().to_owned();
        Self { process, address }
    }

    /// The key set, and how many seconds it may be cached.
    fn key_set(&self) -> (String, u64) {
        let url = format!("http://{}/.well-known/jwks.json", self.address);
        let mut response = ureq::get(&url).call().unwrap();
        let cache = response.headers()["cache-control"].to_str().unwrap();
        let seconds = cache.rsplit_once('=').unwrap().1.parse().unwrap();
        (response.body_mut().read_to_string().unwrap(), seconds)
    }
}

fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..3_000 {
        if let Some(seen) = look() {
            return seen;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("not within half a minute: {what}")
}

#[test]
fn a_key_made_by_command_is_published_by_a_running_server_before_its_first_use() {
    let home = directory();
    let server = Server::start(&home, &[]);
    let (before, cached) = server.key_set();
    assert_eq!((before.matches("kid").count(), cached), (1, 300));
    lines(&home, &["keys", "rotate"], &[]);
    let rows = list(&home, &[]);
    let after = eventually("two keys", || {
        let (set, _) = server.key_set();
        (set.matches("kid").count() == 2).then_some(set)
    });
    assert!(after.contains(&rows[1][0]), "{after}");
    let first_use: jiff::Timestamp = rows[1][6].parse().unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "the program goes by the time as it passes"
    )]
    let now = jiff::Timestamp::try_from(SystemTime::now()).unwrap();
    assert!(first_use.duration_since(now).as_secs() > 300 + 5, "{rows:?}");
    assert_eq!(rows[1][4], "published");
}

#[test]
fn another_algorithm_is_published_at_the_next_start() {
    let home = directory();
    drop(Server::start(&home, &[]));
    fs::remove_file(home.path().join("data/listen")).unwrap();
    let server = Server::start(&home, &["keys.algorithm=ES256", "keys.rotate_every=1m"]);
    let (set, cached) = server.key_set();
    assert!(set.contains("\"EdDSA\"") && set.contains("\"ES256\""), "{set}");
    assert_eq!(cached, 10);
    drop(server);
    let environment = [("DOORWARD_KEYS__ALGORITHM", "ES256")];
    assert_eq!(
        states(&home, &environment),
        [
            "access-signing EdDSA 1 current",
            "access-signing ES256 2 published",
            "refresh-sealing HS256 1 current",
        ]
    );
}
