//! Notices through a real mail server, which refuses, hangs and lies.

use serde_json::{Value, json};

use crate::harness::database::{Database, on_both_databases};
use crate::harness::process::eventually;
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, TestUser};

use super::catcher::{Catcher, header};

on_both_databases!(
    a_notice_is_sent_encrypted_and_holds_no_secret,
    a_mail_waits_until_the_server_accepts_it,
    a_refused_mail_is_given_up_and_recorded,
    a_mail_whose_acceptance_was_not_read_is_sent_again_under_its_id,
);

const NEW: &str = "eight calm gooseberries";

/// Lets the jobs of mails run at once, instead of after their wait or the lease of a dead worker.
pub fn end_all_waits(database: &Database) {
    database
        .test_database()
        .execute("UPDATE jobs SET due_at = 1 WHERE kind = 'mail'");
}

/// Changes the password of a user who may be notified.
fn change_password(root: &TestUser) {
    let body = json!({"current_password": PASSWORD, "new_password": NEW});
    root.client().post("/v1/account/password", &body).is_empty(204);
}

/// The only mail, as the command lists it.
fn listed(service: &Service) -> Value {
    let ended = service.run(&["mail", "list", "--json"], "");
    assert_eq!((ended.status, ended.stdout.lines().count()), (0, 1), "{ended:?}");
    serde_json::from_str(ended.stdout.trim_end()).unwrap()
}

fn wait_for_state(service: &Service, state: &str, tries: u64) -> Value {
    eventually(state, || {
        let mail = listed(service);
        (mail["state"] == state && mail["tries"] == tries).then_some(mail)
    })
}

fn a_notice_is_sent_encrypted_and_holds_no_secret(database: &Database) {
    let Some(catcher) = Catcher::start("starttls") else {
        return;
    };
    let service = catcher
        .configure(Launch::on(database), "starttls")
        .set("log.level", "trace")
        .start();
    let root = service.admin();
    change_password(&root);
    let mail = eventually("a mail arrives", || catcher.mails().pop());
    assert_eq!(
        header(&mail, "X-Envelope"),
        "no-reply@id.example.com root@example.org"
    );
    assert_eq!(header(&mail, "Subject"), "Your password was changed");
    let id = wait_for_state(&service, "sent", 1)["id"].clone();
    assert_eq!(
        header(&mail, "Message-ID"),
        format!("<{}@id.example.com>", id.as_str().unwrap())
    );
    for secret in [NEW, PASSWORD, "correct horse"] {
        assert!(
            !mail.contains(secret) && !service.log().contains(secret),
            "{secret}"
        );
    }
    let jobs = database
        .test_database()
        .number("SELECT count(*) AS answer FROM jobs WHERE kind = 'mail'");
    assert_eq!(jobs, 0);
}

fn a_mail_waits_until_the_server_accepts_it(database: &Database) {
    let Some(catcher) = Catcher::start("none") else {
        return;
    };
    let service = catcher.configure(Launch::on(database), "none").start();
    let root = service.admin();
    catcher.set_mode("defer");
    change_password(&root);
    let mail = wait_for_state(&service, "queued", 1);
    assert_eq!(mail["last_failure"], "server: transient error (451): 4.3.0 later");
    catcher.set_mode("hang");
    end_all_waits(database);
    let mail = wait_for_state(&service, "queued", 2);
    assert!(
        mail["last_failure"].as_str().unwrap().starts_with("connection: "),
        "{mail}"
    );
    for (reason, count) in [("server", 1), ("connection", 1), ("recipient", 0)] {
        let metric = format!("doorward_mail_failed_total{{reason=\"{reason}\"}}");
        assert_eq!(service.metric(&metric), Some(count), "{reason}");
    }
    // Readiness does not depend on mail.
    service.management().get("/health/ready").ok(200);
    catcher.set_mode("accept");
    end_all_waits(database);
    wait_for_state(&service, "sent", 3);
    assert_eq!(catcher.mails().len(), 1);
    let warnings = service.log().matches("mail cannot be sent, will retry").count();
    assert_eq!(
        (warnings, service.log().matches("mail is sent again").count()),
        (1, 1)
    );
}

fn a_refused_mail_is_given_up_and_recorded(database: &Database) {
    let Some(catcher) = Catcher::start("none") else {
        return;
    };
    let service = catcher.configure(Launch::on(database), "none").start();
    let root = service.admin();
    catcher.set_mode("refuse");
    change_password(&root);
    let mail = wait_for_state(&service, "dead", 1);
    assert_eq!(
        mail["last_failure"],
        "recipient: permanent error (550): 5.1.1 no such user"
    );
    let log = root.client().get("/v1/audit?kind=mail.failed").ok(200);
    let detail = &log["events"][0]["detail"];
    let expected = json!({"kind": "password-changed", "mail": mail["id"], "reason": "recipient"});
    assert_eq!(detail, &expected, "{log}");
    assert!(!service.log().contains("root@example.org"), "{}", service.log());
}

fn a_mail_whose_acceptance_was_not_read_is_sent_again_under_its_id(database: &Database) {
    let Some(catcher) = Catcher::start("none") else {
        return;
    };
    let service = catcher.configure(Launch::on(database), "none").start();
    let root = service.admin();
    catcher.set_mode("hang-after");
    change_password(&root);
    wait_for_state(&service, "queued", 1);
    catcher.set_mode("accept");
    end_all_waits(database);
    wait_for_state(&service, "sent", 2);
    let [first, second] = catcher.mails().try_into().unwrap();
    for name in ["Message-ID", "Date", "Subject", "X-Envelope"] {
        assert_eq!(header(&first, name), header(&second, name));
    }
}
