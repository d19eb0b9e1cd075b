//! PgBouncer in front of a database: a process with a directory of its own, ended with the test.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use url::Url;

use super::companion::{Guarded, configured, on_free_port};
use super::process::directory;

/// The user and group `nobody`: pgbouncer refuses to run as root.
const NOBODY: u32 = 65534;

/// A pooler in front of one database.
pub struct PgBouncer {
    _process: Guarded,
    url: Url,
    _directory: TempDir,
}

impl PgBouncer {
    /// Starts PgBouncer in front of a database, with these lines in its configuration. `None`, with a message, where none
    /// is configured.
    pub fn before(database: &str, lines: &str) -> Option<Self> {
        let program = configured("pgbouncer")?;
        let database = Url::parse(database).unwrap();
        Some(on_free_port("pgbouncer", |address| {
            Self::start(&program, address, &database, lines)
        }))
    }

    fn start(program: &Path, address: SocketAddr, database: &Url, lines: &str) -> Option<Self> {
        let directory = directory();
        let port = address.port();
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
        command
            .arg(&configuration)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut process = Guarded::spawn(&mut command);
        let mut url = database.clone();
        url.set_ip_host(address.ip()).unwrap();
        url.set_port(Some(port)).unwrap();
        process.listens_on(address).then_some(Self {
            _process: process,
            url,
            _directory: directory,
        })
    }

    /// The URL of the database through it.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0)
}
