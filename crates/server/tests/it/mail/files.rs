//! Mail that is written to files, and the commands.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::database::Database;
use crate::harness::process::{directory, doorward, eventually};
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, TestUser};

const NEW: &str = "eight calm gooseberries";

fn eml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|it| it == "eml"))
        .collect()
}

fn change_password(user: &TestUser, current: &str, new: &str) {
    let body = json!({"current_password": current, "new_password": new});
    user.client().post("/v1/account/password", &body).is_empty(204);
}

#[test]
fn a_fresh_service_writes_notices_to_files_and_names_them_in_the_log() {
    let service = Service::on(&Database::sqlite());
    let root = service.admin();
    change_password(&root, PASSWORD, NEW);
    let folder = service.home().join("data/mail");
    let path = eventually("a mail is written", || eml_files(&folder).pop());
    let text = fs::read_to_string(&path).unwrap();
    for part in [
        "To: root@example.org\r\n",
        "From: Doorward <no-reply@localhost>\r\n",
        "Subject: Your password was changed\r\n",
        "http://localhost:8080",
        "127.0.0.1",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&folder)), (0o600, 0o700));
    let id = path.file_stem().unwrap().to_str().unwrap();
    eventually("it is logged", || {
        service.log().contains(&format!("{id}.eml")).then_some(())
    });
    eventually("it is counted", || {
        let sent = service.metric("doorward_mail_sent_total{kind=\"password-changed\"}")?;
        (sent == 1).then_some(())
    });

    let listed = service.run(&["mail", "list", "--json"], "");
    assert_eq!(listed.status, 0, "{listed:?}");
    let line: Value = serde_json::from_str(listed.stdout.trim_end()).unwrap();
    assert_eq!(
        (
            &line["id"],
            &line["kind"],
            &line["recipient"],
            &line["state"],
            &line["tries"]
        ),
        (
            &json!(id),
            &json!("password-changed"),
            &json!("root@example.org"),
            &json!("sent"),
            &json!(1)
        )
    );
    let listed = service.run(&["mail", "list", "--limit", "1"], "");
    let lines: Vec<_> = listed.stdout.lines().collect();
    assert!(
        lines[0].starts_with("ID ") && lines[0].contains("LAST FAILURE"),
        "{listed:?}"
    );
    assert!(
        lines[1].starts_with(id) && lines[1].contains("  sent  "),
        "{listed:?}"
    );
}

#[test]
fn who_registered_alone_is_not_notified() {
    let service = Service::on(&Database::sqlite());
    let eve = service.new_user("eve");
    change_password(&eve, PASSWORD, NEW);
    let root = service.admin();
    change_password(&root, PASSWORD, NEW);
    let folder = service.home().join("data/mail");
    let path = eventually("a mail is written", || eml_files(&folder).pop());
    assert!(
        fs::read_to_string(path)
            .unwrap()
            .contains("To: root@example.org\r\n")
    );
    let listed = service.run(&["mail", "list", "--json"], "");
    assert_eq!(listed.stdout.lines().count(), 1, "{listed:?}");
}

#[test]
fn without_notices_or_a_transport_nothing_is_queued() {
    for (key, value) in [("mail.notices", "false"), ("mail.transport", "none")] {
        let service = Launch::on(&Database::sqlite()).set(key, value).start();
        let root = service.admin();
        change_password(&root, PASSWORD, NEW);
        let listed = service.run(&["mail", "list", "--json"], "");
        assert_eq!((listed.status, listed.stdout.as_str()), (0, ""), "{listed:?}");
        assert!(!service.home().join("data/mail").exists());
    }
}

#[test]
fn a_test_mail_is_written_in_the_language_that_is_asked_for() {
    let home = directory();
    let folder = home.path().join("data/mail");
    for (flags, subject) in [
        (&[][..], "Subject: Test mail from http://localhost:8080\r\n"),
        (
            &["--locale", "de"],
            "Subject: Test-Mail von http://localhost:8080\r\n",
        ),
        (
            &["--set", "mail.locale=de"],
            "Subject: Test-Mail von http://localhost:8080\r\n",
        ),
    ] {
        let arguments = [&["mail", "test", "Ada@Example.ORG"], flags].concat();
        let ended = doorward(&home, &arguments, &[]);
        assert_eq!(
            (ended.status, ended.stdout.as_str()),
            (
                0,
                "written to a file, not sent to Ada@example.org: mail.transport is \"file\"\n"
            ),
            "{ended:?}"
        );
        let [path] = eml_files(&folder).try_into().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(subject), "{text}");
        assert!(
            ended.stderr.contains(path.file_name().unwrap().to_str().unwrap()),
            "{ended:?}"
        );
        fs::remove_file(path).unwrap();
    }
    let ended = doorward(&home, &["mail", "test", "ada@example.org", "--json"], &[]);
    let line: Value = serde_json::from_str(ended.stdout.trim_end()).unwrap();
    assert_eq!(
        (&line["transport"], &line["sent"], &line["reason"]),
        (&json!("file"), &json!(false), &json!(null))
    );
    // No database is made for it.
    assert!(!home.path().join("data/doorward.db").exists());
}

#[test]
fn a_test_mail_needs_an_address_and_a_transport() {
    let home = directory();
    for (arguments, part) in [
        (&["mail", "test", "nobody"][..], "this is not an e-mail address"),
        (&["mail", "test", "a@b.co", "--locale", "x"], "not a language tag"),
        (
            &["mail", "test", "a@b.co", "--set", "mail.transport=none"],
            "mail.transport",
        ),
    ] {
        let ended = doorward(&home, arguments, &[]);
        assert_eq!(ended.status, 78, "{ended:?}");
        assert!(ended.stderr.contains(part), "{ended:?}");
    }
}

#[test]
fn a_wrong_template_stops_the_start() {
    let home = directory();
    let folder = home.path().join("templates/en");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("test.txt"), "Subject: x\n\n{{ user }}\n").unwrap();
    for command in [&["serve"][..], &["config", "check"]] {
        let arguments = [command, &["--set", "mail.templates_dir=templates"]].concat();
        let ended = doorward(&home, &arguments, &[]);
        assert_eq!(ended.status, 78, "{ended:?}");
        for part in ["mail.templates_dir", "en/test.txt, line 3", "undefined value"] {
            assert!(ended.stderr.contains(part), "{ended:?}");
        }
    }
}
