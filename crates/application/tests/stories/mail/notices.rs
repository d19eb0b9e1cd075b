//! Notices to the owners of accounts.

use core::time::Duration;

use doorward_application::{DeliverMail, DeliveryReport, NoticePolicy, TokenPair};
use doorward_domain::clock::ClockReading;
use doorward_domain::id::{JobId, UserId};
use doorward_domain::job::JobState;
use doorward_domain::mail::{
    DeliveryState, Locale, MailContent, MailFailure, MailFailureReason, Occurrence, OutboxLine, SendOutcome,
};
use doorward_domain::store::Transactions as _;
use doorward_domain::store_error::StoreResult;

use doorward_testkit::sample;

use crate::story_app::{Fault, NEW_PASSWORD, PASSWORD, StoryApp};

const DAY: Duration = Duration::from_hours(24);

/// With notices, and the administrator `root`, who has created `ada`.
fn app() -> StoryApp {
    with_ada(StoryApp::new())
}

fn with_ada(mut app: StoryApp) -> StoryApp {
    app.policies.notices = Some(NoticePolicy {
        locale: Locale::parse("de").expect("a language tag"),
        retry_for: DAY,
    });
    app.create_admin("root").expect("an administrator");
    let root = app.enter("root");
    app.create_user(&root, "ada", &["user"]).expect("a user");
    app
}

fn mails(app: &StoryApp) -> Vec<OutboxLine> {
    app.store
        .snapshot(|repos| -> StoreResult<_> { repos.outbox().latest(100) })
        .expect("a store that answers")
}

#[test]
fn a_changed_password_is_notified_with_time_and_address() {
    let app = app();
    let phone = app.enter("ada");
    let now = app.now();
    app.change_password(&phone, PASSWORD, NEW_PASSWORD)
        .expect("changed");
    let lines = mails(&app);
    let [line] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    let (entry, job) = app
        .store
        .snapshot(|repos| -> StoreResult<_> {
            let job = repos.jobs().find(JobId::from_bytes(*line.id.as_bytes()))?;
            Ok((
                repos.outbox().find(line.id)?.expect("the mail"),
                job.expect("its job"),
            ))
        })
        .expect("a store that answers");
    assert_eq!(entry.mail.recipient.to_string(), "ada@example.org");
    assert_eq!(entry.mail.locale.as_str(), "de");
    let expected = MailContent::PasswordChanged(Occurrence {
        at: now.now,
        ip: now.ip,
    });
    assert_eq!((entry.mail.content, entry.mail.created_at), (expected, now.now));
    assert_eq!(entry.delivery.expires_at, now.now + DAY);
    assert_eq!(
        (job.kind.as_str(), job.due_at, job.state),
        ("mail", now.now, JobState::Ready)
    );
    assert!(job.give_up_at > entry.delivery.expires_at);
}

#[test]
fn nobody_is_notified_who_may_be_a_stranger() {
    let app = app();
    // Registered with an address that nobody has vouched for.
    app.user("eve");
    let eve = app.enter("eve");
    app.change_password(&eve, PASSWORD, NEW_PASSWORD)
        .expect("changed");
    assert_eq!(mails(&app), []);
}

#[test]
fn without_notices_nothing_is_queued() {
    let mut app = app();
    app.policies.notices = None;
    let phone = app.enter("ada");
    app.change_password(&phone, PASSWORD, NEW_PASSWORD)
        .expect("changed");
    assert_eq!(mails(&app), []);
}

#[test]
fn a_change_that_fails_notifies_nobody() {
    let app = app();
    let phone = app.enter("ada");
    assert!(app.change_password(&phone, NEW_PASSWORD, PASSWORD).is_err());
    assert!(app.change_password(&phone, PASSWORD, "short").is_err());
    // The transactions of a change: look, count, write.
    app.store.fail_in(2, Fault::Commit);
    assert!(app.change_password(&phone, PASSWORD, NEW_PASSWORD).is_err());
    let report = app.store.mend();
    assert!(report.failed, "the change was not reached");
    assert_eq!(mails(&app), []);
}

#[test]
fn there_are_at_most_twenty_notices_a_day() {
    let app = app();
    let phone = app.enter("ada");
    let change = |phone: &TokenPair, round: usize| {
        let passwords = [PASSWORD, NEW_PASSWORD];
        let [old, new] = [round % 2, (round + 1) % 2].map(|index| passwords[index]);
        app.change_password(phone, old, new).expect("changed");
        app.wait(Duration::from_secs(10));
    };
    (0..22).for_each(|round| change(&phone, round));
    assert_eq!(mails(&app).len(), 20);
    app.wait(Duration::from_secs(24 * 3600 - 240));
    let phone = app.enter("ada");
    change(&phone, 22);
    assert_eq!(mails(&app).len(), 20, "the first was less than a day ago");
    app.wait(Duration::from_secs(20));
    change(&phone, 23);
    assert_eq!(mails(&app).len(), 21);
}

fn id_of_ada(app: &StoryApp) -> UserId {
    let email = sample::email("ada@example.org");
    let found = app
        .store
        .snapshot(|repos| -> StoreResult<_> { repos.users().id_of(email.canonical()) });
    found.expect("a store that answers").expect("ada")
}

/// Begins and ends one attempt to send the only mail.
fn attempt(app: &StoryApp, number: u32, outcome: &SendOutcome) -> DeliveryReport {
    let deliver = DeliverMail {
        store: &app.store,
        entropy: &app.entropy,
    };
    let id = mails(app)[0].id;
    let clock = ClockReading::trusted(app.now().now);
    match deliver.begin(id, number, clock).expect("a store that answers") {
        Ok(begun) => deliver
            .finish(&begun, outcome, clock)
            .expect("a store that answers"),
        Err(report) => report,
    }
}

fn queued() -> StoryApp {
    let app = app();
    let phone = app.enter("ada");
    app.change_password(&phone, PASSWORD, NEW_PASSWORD)
        .expect("changed");
    app
}

#[test]
fn who_was_disabled_meanwhile_is_not_notified() {
    let app = queued();
    let root = app.enter("root");
    app.disable(&root, id_of_ada(&app)).expect("disabled");
    assert_eq!(attempt(&app, 1, &SendOutcome::Delivered), DeliveryReport::Dropped);
    assert_eq!(
        mails(&app)[0].delivery.state,
        DeliveryState::Dropped(app.now().now)
    );
    assert_eq!(attempt(&app, 2, &SendOutcome::Delivered), DeliveryReport::Nothing);
}

#[test]
fn an_attempt_that_was_overtaken_changes_nothing() {
    let app = queued();
    let deliver = DeliverMail {
        store: &app.store,
        entropy: &app.entropy,
    };
    let (id, now) = (mails(&app)[0].id, app.now().now);
    let clock = ClockReading::trusted(now);
    let begin = |number| deliver.begin(id, number, clock).expect("a store that answers");
    let slow = begin(1).expect("an attempt");
    let fast = begin(2).expect("an attempt");
    assert_eq!(begin(1), Err(DeliveryReport::Nothing));
    let refused = SendOutcome::Refused(MailFailure {
        reason: MailFailureReason::Recipient,
        detail: "planted".to_owned(),
    });
    assert_eq!(
        deliver.finish(&slow, &refused, clock),
        Ok(DeliveryReport::Nothing)
    );
    assert_eq!(
        deliver.finish(&fast, &SendOutcome::Delivered, clock),
        Ok(DeliveryReport::Sent)
    );
    assert_eq!(
        deliver.finish(&fast, &SendOutcome::Delivered, clock),
        Ok(DeliveryReport::Nothing)
    );
    assert_eq!(mails(&app)[0].delivery.state, DeliveryState::Sent(now));
    assert_eq!(mails(&app)[0].last_failure, None);
}

#[test]
fn the_mails_of_a_deleted_account_are_gone() {
    let app = queued();
    let id = mails(&app)[0].id;
    let root = app.enter("root");
    app.delete_user(&root, id_of_ada(&app)).expect("deleted");
    assert_eq!(mails(&app), []);
    let deliver = DeliverMail {
        store: &app.store,
        entropy: &app.entropy,
    };
    assert_eq!(
        deliver.begin(id, 1, ClockReading::trusted(app.now().now)),
        Ok(Err(DeliveryReport::Nothing))
    );
}
