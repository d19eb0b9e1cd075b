//! The command line and exit statuses.

use std::fs;

use crate::harness::process::{ProcessResult, directory, doorward};

/// Asserts that the run failed with the configuration status and one line that contains all of `parts`.
fn assert_refused(ended: &ProcessResult, parts: &[&str]) {
    assert_eq!(ended.status, 78, "{ended:?}");
    assert_eq!(ended.stdout, "");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    assert!(ended.stderr.starts_with("doorward: configuration: "), "{ended:?}");
    for part in parts {
        assert!(ended.stderr.contains(part), "{ended:?} does not say {part:?}");
    }
}

#[test]
fn config_check_writes_no_files() {
    let directory = directory();
    let ended = doorward(&directory, &["config", "check"], &[]);
    assert_eq!(
        (ended.status, ended.stdout.as_str()),
        (0, "configuration is valid\n"),
        "{ended:?}"
    );
    assert_eq!(ended.stderr, "");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn configuration_warnings_are_json_lines_without_a_terminal() {
    let ended = doorward(
        &directory(),
        &["config", "check", "--set", "password.min_length=7"],
        &[],
    );
    assert_eq!(ended.status, 0);
    let warning: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!(warning["level"], "WARN");
    assert_eq!(
        warning["message"],
        "configuration: password.min_length: passwords of fewer than 8 characters can be guessed"
    );
}

#[test]
fn the_configuration_file_is_overridden_by_environment_and_flags() {
    let directory = directory();
    fs::write(
        directory.path().join("doorward.toml"),
        "server.listen = \"nowhere\"",
    )
    .unwrap();
    let check = ["config", "check"];
    assert_refused(
        &doorward(&directory, &check, &[]),
        &["server.listen (from file doorward.toml)", "\"nowhere\""],
    );

    let variable = ("DOORWARD_SERVER__LISTEN", "elsewhere");
    let says = "server.listen (from environment variable DOORWARD_SERVER__LISTEN)";
    assert_refused(
        &doorward(&directory, &check, &[variable]),
        &[says, "\"elsewhere\""],
    );

    let flag = ["config", "check", "--listen", "127.0.0.1:0"];
    assert_eq!(doorward(&directory, &flag, &[variable]).status, 0);

    fs::write(directory.path().join("other.toml"), "").unwrap();
    for (flags, environment) in [
        (vec!["--config", "other.toml"], vec![]),
        (vec![], vec![("DOORWARD_CONFIG", "other.toml")]),
        (
            vec!["--config", "other.toml"],
            vec![("DOORWARD_CONFIG", "absent.toml")],
        ),
    ] {
        let ended = doorward(
            &directory,
            &[flags, vec!["config", "check"]].concat(),
            &environment,
        );
        assert_eq!(ended.status, 0, "{ended:?}");
    }
    assert_refused(
        &doorward(&directory, &["--config", "absent.toml"], &[]),
        &["file absent.toml: cannot be read"],
    );
}

#[test]
fn every_command_rejects_an_invalid_configuration() {
    let directory = directory();
    for command in [
        &[][..],
        &["serve"],
        &["migrate"],
        &["config", "check"],
        &["health"],
    ] {
        let ended = doorward(
            &directory,
            command,
            &[("DOORWARD_DATABASE__URL", "mysql://u:s3cret@db/x")],
        );
        assert_refused(
            &ended,
            &["database.url (from environment variable DOORWARD_DATABASE__URL)"],
        );
        assert!(!ended.stderr.contains("s3cret"));
    }
    let ended = doorward(
        &directory,
        &["config", "check", "--set", "lane.queue=0", "--set", "zzz=1"],
        &[],
    );
    assert_eq!((ended.status, ended.stderr.lines().count()), (78, 2), "{ended:?}");
}

#[test]
fn an_invalid_command_line_exits_with_the_configuration_status() {
    let directory = directory();
    for (arguments, says) in [
        (&["--nonsense"][..], "unexpected argument '--nonsense' found"),
        (&["nonsense"], "unrecognized subcommand 'nonsense'"),
        (&["users"], "a command is missing"),
        (
            &["users", "create", "--email", "a@b.example"],
            "<--password-file <PATH>|--password-stdin>",
        ),
        (&["users", "create", "--password-stdin"], "--email <EMAIL>"),
        (&["--listen"], "a value is required for '--listen <ADDRESS:PORT>'"),
        (
            &["config", "check", "--set", "listen"],
            "flag --set: write it as KEY=VALUE",
        ),
        (
            &["config", "check", "--set", "a\u{1b}[2J\n=1"],
            "a\\u{1b}[2J\\n (from flag --set)",
        ),
    ] {
        assert_refused(&doorward(&directory, arguments, &[]), &[says]);
    }
}

#[test]
fn help_and_version_exit_with_success() {
    let directory = directory();
    let version = doorward(&directory, &["--version"], &[]);
    assert_eq!(
        (version.status, version.stdout),
        (0, format!("doorward {}\n", env!("CARGO_PKG_VERSION")))
    );
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["help"],
        &["help", "users", "create"],
        &["users", "create", "--help"],
    ] {
        let help = doorward(&directory, arguments, &[("DOORWARD_NONSENSE", "1")]);
        assert_eq!((help.status, help.stderr.as_str()), (0, ""), "{help:?}");
        assert!(help.stdout.contains("Usage: doorward"), "{help:?}");
    }
}
