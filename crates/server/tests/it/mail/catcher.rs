//! A mail server for tests, in Python.
//!
//! `DOORWARD_TEST_PYTHON` names a Python that has `aiosmtpd`; otherwise `python3` is tried. If neither has it, the tests are
//! skipped with a message, and fail if `CI` is set.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::harness::companion::Guarded;
use crate::harness::service::Launch;

const CATCHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/mail/catcher.py");

/// A running mail server. It is stopped when this is dropped.
pub struct Catcher {
    _process: Guarded,
    folder: TempDir,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

impl Catcher {
    /// Starts one with this security: `none`, `starttls`, `tls` or `tls-expired`.
    pub fn start(security: &str) -> Option<Self> {
        let python = python()?;
        let folder = tempfile::tempdir().unwrap();
        let mut process = Guarded::spawn(
            Command::new(python)
                .args([CATCHER, folder.path().to_str().unwrap(), security])
                .stdout(Stdio::piped()),
        );
        let mut line = String::new();
        BufReader::new(process.child().stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let port = line.trim().parse().expect("the port of the mail server");
        Some(Self {
            _process: process,
            folder,
            port,
        })
    }

    /// Tells it what to do from now on.
    pub fn set_mode(&self, mode: &str) {
        let temporary = self.folder.path().join("mode.tmp");
        fs::write(&temporary, mode).unwrap();
        fs::rename(temporary, self.folder.path().join("mode")).unwrap();
    }

    /// The file with the certificate of its authority.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The mails it has accepted, in order, each with a line for its envelope before the headers.
    pub fn mails(&self) -> Vec<String> {
        (1..)
            .map_while(|number| fs::read(self.folder.path().join(format!("{number}.eml"))).ok())
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .collect()
    }

    /// The configuration of a service that sends its mails here.
    pub fn configure(&self, launch: Launch, security: &str) -> Launch {
        let launch = launch
            .set("mail.transport", "smtp")
            .set("mail.from", "Doorward <no-reply@id.example.com>")
            .set("mail.smtp.host", "127.0.0.1")
            .set("mail.smtp.port", &self.port.to_string())
            .set("mail.smtp.security", security)
            .set("mail.smtp.timeout", "5s");
        if security == "none" {
            return launch;
        }
        launch
            .set("mail.smtp.ca_file", self.authority().to_str().unwrap())
            .set("mail.smtp.username", "doorward")
            .env("DOORWARD_MAIL__SMTP__PASSWORD", "correct horse")
    }
}

/// The value of a header of a mail.
pub fn header<'m>(mail: &'m str, name: &str) -> &'m str {
    let prefix = format!("{name}: ");
    let found = mail.lines().find_map(|line| line.strip_prefix(&prefix));
    found.unwrap_or_else(|| panic!("no {name} in {mail}"))
}

fn python() -> Option<String> {
    let named = std::env::var("DOORWARD_TEST_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    let probe = Command::new(&python)
        .args(["-c", "import aiosmtpd, cryptography"])
        .output();
    if probe.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    let reason = format!("{python} has no aiosmtpd");
    let is_due = named.is_some() || std::env::var_os("CI").is_some();
    assert!(!is_due, "{reason}");
    // A standard error that is closed must not fail the test.
    let _ = writeln!(std::io::stderr(), "not run: {reason}");
    None
}
