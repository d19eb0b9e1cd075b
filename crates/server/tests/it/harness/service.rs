//! The program as a running service: started on free ports in a directory of its own, ended with the test.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::client::Client;
use crate::harness::database::{DATABASE_PASSWORD, Database, MASTER_KEY};
use crate::harness::process::{eventually, signal};

/// What a service of a test is told unless the test says otherwise: any port, cheap hashes, few connections, and no
/// throttle, which would take all the requests of a test for those of one client.
const DEFAULTS: [(&str, &str); 8] = [
    ("server.listen", "127.0.0.1:0"),
    ("server.management_listen", "127.0.0.1:0"),
    ("password.argon2.memory_kib", "1024"),
    ("password.argon2.iterations", "1"),
    ("password.argon2.parallelism", "1"),
    ("database.max_connections", "6"),
    ("lane.workers", "2"),
    ("throttle.enabled", "false"),
];

/// How a service is to be started.
#[derive(Clone)]
pub struct Launch {
    settings: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    /// Kept for as long as anything may be started on it.
    _database: Option<Database>,
}

impl Launch {
    /// With this database, and what suits a test.
    pub fn on(database: &Database) -> Self {
        let mut launch = Self {
            _database: Some(database.clone()),
            ..Self::bare()
        };
        for (key, value) in DEFAULTS {
            launch = launch.set(key, value);
        }
        for (name, value) in database.environment() {
            launch = launch.env(name, &value);
        }
        launch
    }

    /// With nothing configured but what keeps tests out of each other's way: the ports.
    pub fn bare() -> Self {
        let bare = Self {
            settings: BTreeMap::new(),
            environment: BTreeMap::new(),
            _database: None,
        };
        bare.set("server.listen", "127.0.0.1:0")
            .set("server.management_listen", "127.0.0.1:0")
    }

    /// Sets a key of the configuration, as a flag.
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The program with these settings, about to be run in `home`.
    pub fn command(&self, home: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
        command.args(arguments).current_dir(home).env_clear();
        for (key, value) in &self.settings {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        command.envs(&self.environment).stdin(Stdio::null());
        command
    }

    /// Starts a service and waits until it serves.
    pub fn start(self) -> Service {
        self.spawn().wait_until_ready()
    }

    /// Starts a service without waiting for it.
    pub fn spawn(self) -> StartingService {
        let home = tempfile::tempdir().unwrap();
        let process = Process::spawn(&self, home.path());
        StartingService {
            launch: self,
            home,
            process,
        }
    }
}

/// A service that may not serve yet.
pub struct StartingService {
    process: Process,
    launch: Launch,
    home: TempDir,
}

impl StartingService {
    /// Waits until it serves.
    pub fn wait_until_ready(mut self) -> Service {
        let (public, management) = addresses(&mut self.process, self.home.path());
        Service {
            launch: self.launch,
            home: self.home,
            process: self.process,
            public,
            management,
        }
    }

    /// Waits until it has ended, for one that cannot serve, and says how and with what last words.
    pub fn wait_for_exit(mut self) -> (ExitStatus, String) {
        let status = self.process.wait();
        (status, fs::read_to_string(self.home.path().join(LOG)).unwrap())
    }
}

/// A service that serves.
pub struct Service {
    // ProcessResult before its directory and its database go.
    process: Process,
    launch: Launch,
    home: TempDir,
    public: SocketAddr,
    management: SocketAddr,
}

/// Where its standard error goes.
const LOG: &str = "stderr.log";
/// Where its standard output goes.
const OUTPUT: &str = "stdout.log";

impl Service {
    /// A service on this database, as suits a test.
    pub fn on(database: &Database) -> Self {
        Launch::on(database).start()
    }

    /// A client of the API.
    pub fn client(&self) -> Client {
        Client::new(self.public)
    }

    /// A client of the management listener.
    pub fn management(&self) -> Client {
        Client::new(self.management)
    }

    /// The value of a metric, named with its labels as in the exposition format; `None` if it is not reported.
    pub fn metric(&self, name: &str) -> Option<u64> {
        let response = self.management().get("/metrics");
        response
            .text()
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// Where clients are answered.
    pub fn address(&self) -> SocketAddr {
        self.public
    }

    /// Everything it has logged so far, at all of its starts.
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join(LOG)).unwrap()
    }

    /// Everything it has printed so far.
    pub fn output(&self) -> String {
        fs::read_to_string(self.home.path().join(OUTPUT)).unwrap()
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.process.child.id()
    }

    /// The directory it was started in.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The one-time token that it printed at its first start.
    pub fn setup_token(&self) -> String {
        let output = self.output();
        let line = output.lines().find_map(|line| line.strip_prefix("Setup token: "));
        line.unwrap_or_else(|| panic!("no setup token in {output:?}"))
            .to_owned()
    }

    /// Runs another command of the program with the same configuration, in the same place.
    pub fn run(&self, arguments: &[&str], input: &str) -> crate::harness::process::ProcessResult {
        crate::harness::process::run(self.command(arguments), input)
    }

    /// Such a command, not yet run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.launch.command(self.home.path(), arguments)
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait()
    }

    /// Ends it in order.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Ends it at this very instant.
    pub fn kill(&mut self) {
        self.process.child.kill().unwrap();
        assert_eq!(self.process.wait().signal(), Some(9));
    }

    /// Starts it again, after it has ended, where it was.
    pub fn restart(&mut self) {
        self.process = Process::spawn(&self.launch, self.home.path());
        (self.public, self.management) = addresses(&mut self.process, self.home.path());
    }
}

impl Drop for Service {
    /// Whatever was tried: the log is lines of JSON, and tells of no fault of the program and of no key.
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let log = self.log();
        for line in log.lines() {
            let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(
                event["level"].is_string() && event["timestamp"].is_string(),
                "{line}"
            );
            assert_ne!(event["status"], 500, "{line}");
            let message = event["message"].as_str().unwrap_or_default();
            assert!(!message.starts_with("panic: "), "{line}");
            for secret in [MASTER_KEY, DATABASE_PASSWORD] {
                assert!(!line.contains(secret), "{line}");
            }
        }
    }
}

/// The addresses that it has bound, when it has.
fn addresses(process: &mut Process, home: &Path) -> (SocketAddr, SocketAddr) {
    let read = |listener: &str| {
        let text = fs::read_to_string(bound(home, listener)).ok()?;
        text.trim_end().parse().ok()
    };
    eventually("the service serves", || {
        if let Some(status) = process.child.try_wait().unwrap() {
            let log = fs::read_to_string(home.join(LOG)).unwrap();
            panic!("the service ended with {status}: {log}");
        }
        Some((read("listen")?, read("management_listen")?))
    })
}

/// The file in which it tells where a listener was bound.
fn bound(home: &Path, listener: &str) -> PathBuf {
    home.join("data").join(listener)
}

/// A process that does not outlive its test, not even one that is killed.
struct Process {
    child: Child,
    guard: Child,
}

impl Process {
    fn spawn(launch: &Launch, home: &Path) -> Self {
        // What an earlier start has left would be taken for this one's.
        for listener in ["listen", "management_listen"] {
            let _ = fs::remove_file(bound(home, listener));
        }
        let child = launch
            .command(home, &["serve"])
            .stdout(append(&home.join(OUTPUT)))
            .stderr(append(&home.join(LOG)))
            .spawn()
            .unwrap();
        // Its standard input ends when this process does, however it does.
        let guard = Command::new("sh")
            .args(["-c", "read -r _; kill -KILL \"$1\"", "sh"])
            .arg(child.id().to_string())
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, guard }
    }

    fn wait(&mut self) -> ExitStatus {
        eventually("the service ends", || self.child.try_wait().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The guard goes first: later the number might be another process's.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn append(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}
