//! Files of the data directory that others could have planted, changed or read.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::process::{ProcessResult, eventually, signal};
use crate::harness::service::{Launch, Service};

/// A service that was started without configuration and has stopped, and its data directory.
fn stopped() -> (Service, PathBuf) {
    let mut service = Launch::bare().start();
    assert!(service.terminate().success());
    let data = service.home().join("data");
    (service, data)
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Asserts that every command that opens the file refuses it, with one line.
fn assert_refused(service: &Service, parts: &[&str]) {
    for arguments in [&["serve"][..], &["migrate"], &["keys", "list"], &["setup-token"]] {
        let ended: ProcessResult = service.run(arguments, "");
        assert_eq!(ended.status, 78, "{arguments:?}: {ended:?}");
        let line = ended.stderr.lines().last().unwrap();
        assert!(line.starts_with("doorward: configuration: "), "{ended:?}");
        for part in parts {
            assert!(line.contains(part), "{line:?} does not say {part:?}");
        }
    }
}

#[test]
fn a_database_or_key_that_others_may_read_or_write_is_refused_with_the_command_that_mends_it() {
    let (service, data) = stopped();
    for name in ["doorward.db", "master.key"] {
        let path = data.join(name);
        for mode in [0o644, 0o640, 0o660, 0o602] {
            chmod(&path, mode);
            assert_refused(&service, &[name, "chmod 600 "]);
        }
        chmod(&path, 0o600);
    }
    for name in ["doorward.db-wal", "doorward.db-shm"] {
        let path = data.join(name);
        fs::write(&path, "").unwrap();
        chmod(&path, 0o666);
        assert_refused(&service, &[name, "chmod 600 "]);
        fs::remove_file(&path).unwrap();
    }
    let ended = service.run(&["keys", "list"], "");
    assert_eq!(ended.status, 0, "{ended:?}");
}

#[test]
fn a_symbolic_link_in_place_of_the_database_or_the_key_is_refused() {
    let (service, data) = stopped();
    for name in ["doorward.db", "master.key"] {
        let (path, elsewhere) = (data.join(name), data.join("elsewhere"));
        fs::rename(&path, &elsewhere).unwrap();
        symlink(&elsewhere, &path).unwrap();
        assert_refused(&service, &[name, "symbolic link"]);
        fs::rename(&elsewhere, &path).unwrap();
    }
}

#[test]
fn a_database_or_key_of_another_user_is_refused() {
    let (service, data) = stopped();
    for name in ["doorward.db", "master.key"] {
        let path = data.join(name);
        if std::os::unix::fs::chown(&path, Some(12_345), None).is_err() {
            return; // Only root may give files away.
        }
        assert_refused(&service, &[name, "user 12345", "chown "]);
        std::os::unix::fs::chown(&path, Some(0), None).unwrap();
    }
}

#[test]
fn a_data_directory_that_others_may_change_is_refused_with_the_command_that_mends_it() {
    let (service, data) = stopped();
    for mode in [0o777, 0o770, 0o702, 0o1777] {
        chmod(&data, mode);
        assert_refused(&service, &["data directory", "chmod go-w "]);
    }
    chmod(&data, 0o755);
    let ended = service.run(&["keys", "list"], "");
    assert_eq!(ended.status, 0, "{ended:?}");
    if std::os::unix::fs::chown(&data, Some(12_345), None).is_ok() {
        assert_refused(&service, &["data directory", "user 12345", "chown "]);
    }
}

#[test]
fn a_directory_of_the_database_that_others_may_change_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("database");
    fs::create_dir(&directory).unwrap();
    let launch = Launch::bare().env("DOORWARD_DATABASE__URL", "sqlite://database/doorward.db");
    let migrate = || crate::harness::process::run(launch.command(home.path(), &["migrate"]), "");
    chmod(&directory, 0o777);
    let ended = migrate();
    assert_eq!(ended.status, 78, "{ended:?}");
    assert!(ended.stderr.contains("chmod go-w database"), "{ended:?}");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    chmod(&directory, 0o700);
    assert_eq!(migrate().status, 0);
}

#[test]
fn no_file_is_accessible_to_others_whatever_the_umask() {
    let home = tempfile::tempdir().unwrap();
    let started = Launch::bare().command(home.path(), &["serve"]);
    let mut command = Command::new("sh");
    command
        .args(["-c", "umask 000; exec \"$@\"", "sh"])
        .arg(started.get_program())
        .args(started.get_args())
        .current_dir(home.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let data = home.path().join("data");
    eventually("the service serves", || {
        data.join("listen").exists().then_some(())
    });
    let modes: Vec<_> = fs::read_dir(&data)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name(),
                entry.metadata().unwrap().permissions().mode() & 0o077,
            )
        })
        .collect();
    signal(child.id(), "TERM");
    assert!(child.wait().unwrap().success());
    assert!(modes.len() >= 4, "{modes:?}");
    assert!(modes.iter().all(|(_, mode)| *mode == 0), "{modes:?}");
}

#[test]
fn a_constant_master_key_is_refused() {
    let path = "DOORWARD_KEYS__MASTER_KEY";
    let constant = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let home = tempfile::tempdir().unwrap();
    let launch = Launch::bare().env(path, constant);
    let ended = crate::harness::process::run(launch.command(home.path(), &["serve"]), "");
    assert_eq!(ended.status, 78, "{ended:?}");
    assert!(
        ended.stderr.contains("keys.master_key") && ended.stderr.contains("pattern"),
        "{ended:?}"
    );
}

#[test]
fn a_secret_file_that_others_may_write_is_refused_and_one_that_they_may_read_is_warned_of() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("token");
    fs::write(&file, "the operator chose this one\n").unwrap();
    let launch = Launch::bare().set("setup.token_file", file.to_str().unwrap());
    let check = || crate::harness::process::run(launch.command(home.path(), &["config", "check"]), "");
    for (mode, status, says) in [
        (0o400, 0, ""),
        (0o444, 0, "may be read by other users"),
        (0o440, 0, "may be read by other users"),
        (0o666, 78, "may be changed by other users"),
        (0o620, 78, "chmod "),
    ] {
        chmod(&file, mode);
        let ended = check();
        assert_eq!(ended.status, status, "{mode:o}: {ended:?}");
        assert!(ended.stderr.contains(says), "{mode:o}: {ended:?}");
        assert!(!says.is_empty() || ended.stderr.is_empty(), "{mode:o}: {ended:?}");
    }
}
