//! The program run as a service: on free ports, in a directory of its own, ended with the test.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::client::Client;
use crate::harness::companion::Guarded;
use crate::harness::database::{DATABASE_PASSWORD, Database, MASTER_KEY};
use crate::harness::process::{eventually, signal};

/// Settings of a test service unless the test overrides them: any port, cheap hashes, few database connections, and hardly
/// any limit per address, because all requests of a test come from one address.
const DEFAULTS: [(&str, &str); 9] = [
    ("server.listen", "127.0.0.1:0"),
    ("server.management_listen", "127.0.0.1:0"),
    ("server.max_connections_per_address", "1024"),
    ("password.argon2.memory_kib", "1024"),
    ("password.argon2.iterations", "1"),
    ("password.argon2.parallelism", "1"),
    ("database.max_connections", "6"),
    ("lane.workers", "2"),
    ("throttle.enabled", "false"),
];

/// The configuration of a service to start.
#[derive(Clone)]
pub struct Launch {
    settings: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    /// Kept alive while services may be started on it.
    _database: Option<Database>,
}

impl Launch {
    /// Uses this database and the default settings for tests.
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

    /// Uses no settings except free ports, and stops without delay.
    pub fn bare() -> Self {
        let bare = Self {
            settings: BTreeMap::new(),
            environment: BTreeMap::new(),
            _database: None,
        };
        bare.set("server.listen", "127.0.0.1:0")
            .set("server.management_listen", "127.0.0.1:0")
            .set("server.drain_delay", "0s")
    }

    /// Sets a configuration key, as a command-line flag.
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Removes a configuration key.
    pub fn unset(mut self, key: &str) -> Self {
        self.settings.remove(key);
        self
    }

    /// Removes an environment variable.
    pub fn unset_env(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// The program with these settings and arguments, to be run in `home`.
    pub fn command(&self, home: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
        command.args(arguments).current_dir(home).env_clear();
        for (key, value) in &self.settings {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        command.envs(&self.environment).stdin(Stdio::null());
        command
    }

    /// Starts a service and waits until it listens.
    pub fn start(self) -> Service {
        self.spawn().wait_until_ready()
    }

    /// Starts a service without waiting for it.
    pub fn spawn(self) -> StartingService {
        let home = tempfile::tempdir().unwrap();
        let process = spawn(&self, home.path());
        StartingService {
            launch: self,
            home,
            process,
        }
    }
}

/// A service that has been started and may not listen yet.
pub struct StartingService {
    process: Guarded,
    launch: Launch,
    home: TempDir,
}

impl StartingService {
    /// Waits until it listens.
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

    /// Waits until it has exited, for a service that must fail to start; returns the exit status and the log.
    pub fn wait_for_exit(mut self) -> (ExitStatus, String) {
        let status = self.process.wait();
        (status, fs::read_to_string(self.home.path().join(LOG)).unwrap())
    }
}

/// A running service.
pub struct Service {
    // Dropped before its directory and its database.
    process: Guarded,
    launch: Launch,
    home: TempDir,
    public: SocketAddr,
    management: SocketAddr,
}

/// The file with its standard error.
const LOG: &str = "stderr.log";
/// The file with its standard output.
const OUTPUT: &str = "stdout.log";

impl Service {
    /// Starts a service on this database with the default settings for tests.
    pub fn on(database: &Database) -> Self {
        Launch::on(database).start()
    }

    /// A client of the public listener.
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

    /// The address of the management listener.
    pub fn management_address(&self) -> SocketAddr {
        self.management
    }

    /// The address of the public listener.
    pub fn address(&self) -> SocketAddr {
        self.public
    }

    /// The log of all starts so far. A thread of the service writes it: waits until it has.
    pub fn log(&self) -> String {
        let is_written = || {
            // One that has ended, or is ending, has no metrics.
            let metrics = self.management().try_send("GET", "/metrics", None);
            let waiting = |text: &str| text.contains("doorward_log_waiting 0\n");
            metrics.is_err() || metrics.is_ok_and(|metrics| metrics.status != 200 || waiting(metrics.text()))
        };
        eventually("the log is written", || is_written().then_some(()));
        fs::read_to_string(self.home.path().join(LOG)).unwrap()
    }

    /// The standard output so far.
    pub fn output(&self) -> String {
        fs::read_to_string(self.home.path().join(OUTPUT)).unwrap()
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The working directory.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The setup token that was printed at the first start.
    pub fn setup_token(&self) -> String {
        let output = self.output();
        let line = output.lines().find_map(|line| line.strip_prefix("Setup token: "));
        line.unwrap_or_else(|| panic!("no setup token in {output:?}"))
            .to_owned()
    }

    /// Runs another command of the program with the same configuration in the same directory.
    pub fn run(&self, arguments: &[&str], input: &str) -> crate::harness::process::ProcessResult {
        crate::harness::process::run(self.command(arguments), input)
    }

    /// Another command of the program with the same configuration, not yet run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.launch.command(self.home.path(), arguments)
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Waits until the process has exited.
    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait()
    }

    /// Sends SIGTERM and waits for the exit.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Sends SIGKILL and waits for the exit.
    pub fn kill(&mut self) {
        self.process.child().kill().unwrap();
        assert_eq!(self.process.wait().signal(), Some(9));
    }

    /// Starts the service again in the same directory, after it has exited.
    pub fn restart(&mut self) {
        self.process = spawn(&self.launch, self.home.path());
        (self.public, self.management) = addresses(&mut self.process, self.home.path());
    }
}

impl Drop for Service {
    /// Checks the log: every line is JSON, and there is no status 500, no panic and no secret.
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

/// The bound addresses, once the service has written them.
fn addresses(process: &mut Guarded, home: &Path) -> (SocketAddr, SocketAddr) {
    let read = |listener: &str| {
        let text = fs::read_to_string(bound(home, listener)).ok()?;
        text.trim_end().parse().ok()
    };
    eventually("the service serves", || {
        if let Some(status) = process.child().try_wait().unwrap() {
            let log = fs::read_to_string(home.join(LOG)).unwrap();
            panic!("the service ended with {status}: {log}");
        }
        Some((read("listen")?, read("management_listen")?))
    })
}

/// The file that the address of a listener is written to.
fn bound(home: &Path, listener: &str) -> PathBuf {
    home.join("data").join(listener)
}

fn spawn(launch: &Launch, home: &Path) -> Guarded {
    // Files of an earlier start would be mistaken for this one's.
    for listener in ["listen", "management_listen"] {
        let _ = fs::remove_file(bound(home, listener));
    }
    Guarded::spawn(
        launch
            .command(home, &["serve"])
            .stdout(append(&home.join(OUTPUT)))
            .stderr(append(&home.join(LOG))),
    )
}

fn append(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}
