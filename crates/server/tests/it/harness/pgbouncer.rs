//! PgBouncer in front of a database: a process with a directory of its own, ended with the test.

use std::env;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use url::Url;

use crate::harness::process::{directory, eventually};

/// The variable that names the pgbouncer executable.
const PROGRAM: &str = "DOORWARD_TEST_PGBOUNCER";
/// The variable that makes a missing pgbouncer a failure.
const REQUIRED: &str = "DOORWARD_REQUIRE_PGBOUNCER";
/// The user and group `nobody`: pgbouncer refuses to run as root.
const NOBODY: u32 = 65534;

/// A pooler in front of one database.
pub struct PgBouncer {
    child: Child,
    guard: Child,
    url: Url,
    _directory: TempDir,
}

impl PgBouncer {
    /// Starts PgBouncer in front of a database, with these lines in its configuration. `None`, with a message, where none
    /// is configured.
    pub fn before(database: &str, lines: &str) -> Option<Self> {
        let Some(program) = env::var_os(PROGRAM) else {
            assert!(env::var_os(REQUIRED).is_none(), "{PROGRAM} names no pgbouncer");
            // A standard error that is closed must not fail the test.
            let _ = writeln!(std::io::stderr(), "not run: no pgbouncer: {PROGRAM} is not set");
            return None;
        };
        let program = PathBuf::from(program);
        let database = Url::parse(database).unwrap();
        // Another process may have taken the free port.
        for _ in 0..20 {
            if let Some(bouncer) = Self::start(&program, &database, lines) {
                return Some(bouncer);
            }
        }
        panic!("pgbouncer does not start")
    }

    fn start(program: &PathBuf, database: &Url, lines: &str) -> Option<Self> {
        let directory = directory();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let users = directory.path().join("users.txt");
        fs::write(&users, format!("\"{}\" \"\"\n", database.username())).unwrap();
        let configuration = directory.path().join("pgbouncer.ini");
        fs::write(&configuration, format!(
            "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\n{lines}\n",
            database.host_str().unwrap(),
            database.port().unwrap(),
            users.display(),
        ))
        .unwrap();
        let mut command = Command::new(program);
        if is_root() {
            fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
            chown(directory.path(), Some(NOBODY), Some(NOBODY)).unwrap();
            std::os::unix::process::CommandExt::gid(&mut command, NOBODY);
            std::os::unix::process::CommandExt::uid(&mut command, NOBODY);
        }
        let mut child = command
            .arg(&configuration)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let guard = Command::new("sh")
            .args(["-c", "read -r _; kill -KILL \"$1\"", "sh"])
            .arg(child.id().to_string())
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let is_up = eventually("pgbouncer accepts connections, or exits", || {
            if child.try_wait().unwrap().is_some() {
                return Some(false);
            }
            TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                .is_ok()
                .then_some(true)
        });
        let mut url = database.clone();
        url.set_ip_host(Ipv4Addr::LOCALHOST.into()).unwrap();
        url.set_port(Some(port)).unwrap();
        let bouncer = Self {
            child,
            guard,
            url,
            _directory: directory,
        };
        is_up.then_some(bouncer)
    }

    /// The URL of the database through it.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0)
}
