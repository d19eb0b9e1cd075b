//! Instances that are killed while they send.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::database::{Database, on_both_databases};
use crate::harness::process::eventually;
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, TestUser, text};

use super::catcher::{Catcher, header};
use super::delivery::end_all_waits;

on_both_databases!(two_instances_that_are_killed_while_sending_lose_no_mail);

/// How many instances are killed.
const KILLS: usize = 10;
const USERS: usize = 5;

/// Changes the password of each user through this instance.
fn change_passwords(service: &Service, emails: &[String], round: usize) {
    for email in emails {
        let password = |round: usize| format!("{PASSWORD} {round}");
        let (old, new) = (password(round), password(round + 1));
        let user = TestUser::login(&service.client(), email, &old);
        let body = json!({"current_password": old, "new_password": new});
        user.client().post("/v1/account/password", &body).is_empty(204);
    }
}

fn two_instances_that_are_killed_while_sending_lose_no_mail(database: &Database) {
    let Some(catcher) = Catcher::start("none") else {
        return;
    };
    let launch = catcher
        .configure(Launch::on(database), "none")
        .set("mail.workers", "4");
    let mut services = [launch.clone().start(), launch.start()];
    let root = services[0].admin();
    let emails: Vec<String> = (0..USERS)
        .map(|number| format!("user{number}@example.org"))
        .collect();
    for email in &emails {
        let body = json!({"email": email, "password": format!("{PASSWORD} 0")});
        text(&root.client().post("/v1/users", &body).ok(201)["id"]);
    }
    for round in 0..KILLS {
        let [victim, other] = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        change_passwords(&services[other], &emails, round);
        // At different moments of the delivery.
        thread::sleep(Duration::from_millis(u64::try_from(round * 7 % 40).unwrap()));
        services[victim].kill();
        services[victim].restart();
        end_all_waits(database);
    }
    let open = "SELECT count(*) AS answer FROM outbox WHERE ended_at IS NULL";
    eventually("all mails are sent", || {
        end_all_waits(database);
        thread::sleep(Duration::from_millis(200));
        (database.test_database().number(open) == 0).then_some(())
    });
    let mut copies: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for mail in catcher.mails() {
        let to = header(&mail, "To").to_owned();
        copies
            .entry(header(&mail, "Message-ID").to_owned())
            .or_default()
            .push(to);
    }
    assert_eq!(copies.len(), KILLS * USERS, "every change is notified");
    for (id, recipients) in &copies {
        assert!(
            recipients.iter().all(|to| *to == recipients[0]),
            "{id}: {recipients:?}"
        );
    }
    let sent = "SELECT count(*) AS answer FROM outbox WHERE state = 'sent'";
    assert_eq!(
        database.test_database().number(sent),
        i64::try_from(KILLS * USERS).unwrap()
    );
    let duplicates: usize = copies.values().map(|copies| copies.len() - 1).sum();
    // Past the capture of the test harness; a standard error that is closed must not fail the test.
    let _ = std::io::Write::write_fmt(
        &mut std::io::stderr(),
        format_args!(
            "{} mails, {duplicates} duplicates after {KILLS} kills\n",
            copies.len()
        ),
    );
}
