use core::time::Duration;

use doorward_domain::account::User;
use doorward_domain::job::DedupeKey;
use doorward_domain::mail::{
    Delivery, DeliveryState, Mail, MailContent, MailFailure, MailFailureReason, MailKind, NewMail,
    Occurrence, OutboxEntry, OutboxStatus, Recipient,
};
use doorward_domain::store::Transactions as _;
use doorward_domain::store_error::StoreError;

use crate::contract::StoreUnderTest;
use crate::contract::edge_values::{TIMES, addresses, awkward_texts};
use crate::contract::store::threads::{THREADS, race};
use crate::sample::{self, START, after};

const QUEUED: DeliveryState = DeliveryState::Queued;
const LEASED: DeliveryState = DeliveryState::Leased;

fn enqueue(store: &dyn StoreUnderTest, mail: &NewMail) -> bool {
    store.write(|r| r.outbox().enqueue(mail))
}

/// Queues the sample of that number, about that user.
fn keep_mail(store: &dyn StoreUnderTest, number: u32, user: &User) -> NewMail {
    let mail = sample::mail(number, user);
    assert!(enqueue(store, &mail));
    mail
}

fn found(store: &dyn StoreUnderTest, mail: &NewMail) -> Option<OutboxEntry> {
    store.read(|r| r.outbox().find(mail.mail.id))
}

const fn delivery(mail: &NewMail, state: DeliveryState, attempt: u32) -> Delivery {
    Delivery {
        state,
        attempt,
        expires_at: mail.expires_at,
    }
}

fn settle(
    store: &dyn StoreUnderTest,
    mail: &NewMail,
    from: (DeliveryState, u32),
    to: (DeliveryState, u32),
    failure: Option<&str>,
) -> bool {
    let failure = failure.map(|detail| MailFailure {
        reason: MailFailureReason::Server,
        detail: detail.to_owned(),
    });
    let (from, to) = (delivery(mail, from.0, from.1), delivery(mail, to.0, to.1));
    store.write(|r| r.outbox().settle(mail.mail.id, &from, &to, failure.as_ref()))
}

/// A queued mail is read back as it was queued, and waits for its first attempt.
pub fn a_queued_mail_is_read_back(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let mail = keep_mail(store, 1, &user);
    let expected = OutboxEntry {
        mail: mail.mail.clone(),
        user_id: user.id,
        delivery: delivery(&mail, QUEUED, 0),
        last_failure: None,
    };
    assert_eq!(found(store, &mail), Some(expected));
    assert_eq!(found(store, &sample::mail(2, &user)), None);
}

/// A mail is queued exactly if its transaction commits.
pub fn a_mail_is_rolled_back_with_its_cause(store: &dyn StoreUnderTest) {
    let mail = sample::mail(1, &store.keep_user(1));
    let outcome: Result<(), StoreError> = store.store().transaction(|r| {
        r.outbox().enqueue(&mail)?;
        Err(StoreError::Unavailable("a rolled-back use case".to_owned()))
    });
    assert!(outcome.is_err());
    assert_eq!(found(store, &mail), None);
}

/// A mail requires its account, and is deleted with it.
pub fn a_mail_is_deleted_with_its_account(store: &dyn StoreUnderTest) {
    let (user, other) = (store.keep_user(1), store.keep_user(2));
    let (mail, kept) = (keep_mail(store, 1, &user), keep_mail(store, 2, &other));
    assert!(store.write(|r| r.users().delete(user.id)));
    assert_eq!(found(store, &mail), None);
    assert!(found(store, &kept).is_some());
    let homeless = sample::mail(3, &user);
    let queued: Result<bool, StoreError> = store.store().transaction(|r| r.outbox().enqueue(&homeless));
    assert!(queued.is_err());
}

/// Of two mails with one dedupe key the second is not queued, sent or not, and the transaction stays usable.
pub fn a_dedupe_key_queues_one_mail(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let first = keep_mail(store, 1, &user);
    let again = NewMail {
        dedupe_key: first.dedupe_key.clone(),
        ..sample::mail(2, &user)
    };
    let other = sample::mail(3, &user);
    let queued = store.write(|r| Ok((r.outbox().enqueue(&again)?, r.outbox().enqueue(&other)?)));
    assert_eq!(queued, (false, true));
    assert!(settle(
        store,
        &first,
        (QUEUED, 0),
        (DeliveryState::Sent(START), 1),
        None
    ));
    assert!(!enqueue(store, &again));
    assert_eq!(found(store, &again), None);
}

/// Of several mails with one dedupe key that are queued at once, one is.
pub fn concurrent_mails_with_one_key_have_one_winner(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    for round in 0..6 {
        let key = DedupeKey::new(format!("round {round}")).expect("a key");
        let answers = race(THREADS, |racer| {
            let number = 100 * (round + 1) + u32::try_from(racer).expect("few threads");
            let mail = NewMail {
                dedupe_key: key.clone(),
                ..sample::mail(number, &user)
            };
            enqueue(store, &mail)
        });
        assert_eq!(answers.iter().filter(|won| **won).count(), 1, "round {round}");
    }
}

/// What became of a mail is stored only if it is still what was decided on.
pub fn a_mail_is_settled_on_condition_of_state_and_attempt(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let (mail, other) = (keep_mail(store, 1, &user), keep_mail(store, 2, &user));
    assert!(settle(store, &mail, (QUEUED, 0), (LEASED, 1), None));
    assert!(!settle(store, &mail, (QUEUED, 0), (LEASED, 1), None));
    assert!(!settle(store, &mail, (LEASED, 0), (LEASED, 2), None));
    assert!(settle(store, &mail, (LEASED, 1), (QUEUED, 1), Some("first")));
    assert!(settle(store, &mail, (QUEUED, 1), (LEASED, 2), None));
    assert!(settle(store, &mail, (LEASED, 2), (LEASED, 3), None));
    let late = (DeliveryState::Sent(after(1)), 2);
    assert!(!settle(store, &mail, (LEASED, 2), late, Some("late")));
    let entry = found(store, &mail).expect("the mail");
    assert_eq!(
        (entry.delivery, entry.last_failure.as_deref()),
        (delivery(&mail, LEASED, 3), Some("server: first"))
    );
    let end = (DeliveryState::Sent(after(2)), 3);
    assert!(settle(store, &mail, (LEASED, 3), end, None));
    assert!(!settle(store, &mail, (LEASED, 3), (QUEUED, 3), None));
    let entry = found(store, &mail).expect("the mail");
    assert_eq!(
        (entry.delivery, entry.last_failure.as_deref()),
        (delivery(&mail, end.0, 3), Some("server: first"))
    );
    assert_eq!(
        found(store, &other).map(|entry| entry.delivery),
        Some(delivery(&other, QUEUED, 0))
    );
    let unknown = sample::mail(3, &user);
    assert!(!settle(store, &unknown, (QUEUED, 0), (LEASED, 1), None));
}

/// Of several workers that begin an attempt, one does.
pub fn concurrent_attempts_have_one_winner(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    for round in 1..=6 {
        let mail = keep_mail(store, round, &user);
        let answers = race(THREADS, |_| settle(store, &mail, (QUEUED, 0), (LEASED, 1), None));
        assert_eq!(answers.iter().filter(|won| **won).count(), 1, "round {round}");
    }
}

/// Contents, recipients, failures and times are read back unchanged.
pub fn mails_are_read_back_unchanged(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let recipients = [
        "o'brien+tag@example.ie",
        "RENÉ@xn--bcher-kva.example",
        "Ada@example.org",
    ];
    let contents = addresses().zip(TIMES.into_iter().cycle());
    let contents = contents.map(|(ip, at)| MailContent::PasswordChanged(Occurrence { at, ip }));
    for (number, content) in (1..).zip(contents.chain([MailContent::Test])) {
        let place = usize::try_from(number).expect("a small number");
        let time = TIMES[place % TIMES.len()];
        let mail = sample::mail(number, &user);
        let mail = NewMail {
            mail: Mail {
                recipient: Recipient::parse(recipients[place % recipients.len()]).expect("a recipient"),
                content,
                created_at: time,
                ..mail.mail
            },
            expires_at: time,
            ..mail
        };
        assert!(enqueue(store, &mail));
        assert_eq!(
            found(store, &mail).map(|entry| entry.mail),
            Some(mail.mail.clone())
        );
        let end = DeliveryState::Dead(time);
        assert!(settle(store, &mail, (QUEUED, 0), (end, u32::MAX), None));
        assert_eq!(
            found(store, &mail).map(|entry| entry.delivery),
            Some(delivery(&mail, end, u32::MAX))
        );
    }
    for (number, text) in (1_000..).zip(awkward_texts()) {
        let mail = keep_mail(store, number, &user);
        assert!(settle(store, &mail, (QUEUED, 0), (QUEUED, 1), Some(&text)));
        let failure = found(store, &mail).and_then(|entry| entry.last_failure);
        assert_eq!(failure, Some(format!("server: {text}")));
    }
}

/// Mails are counted by account, kind and time.
pub fn mails_about_an_account_are_counted(store: &dyn StoreUnderTest) {
    let (user, other) = (store.keep_user(1), store.keep_user(2));
    for number in 1..=4 {
        keep_mail(store, number, &user);
    }
    keep_mail(store, 5, &other);
    let count =
        |kinds: &[MailKind], seconds| store.read(|r| r.outbox().count_since(user.id, kinds, after(seconds)));
    assert_eq!(count(MailKind::NOTICES, 0), 4);
    assert_eq!(count(MailKind::NOTICES, 2), 2);
    assert_eq!(count(MailKind::NOTICES, 4), 0);
    assert_eq!(count(&[MailKind::Test], 0), 0);
    assert_eq!(count(&[], 0), 0);
}

/// The status counts what is to be sent and what was given up, and finds the oldest that is to be sent.
pub fn the_status_counts_open_and_dead_mails(store: &dyn StoreUnderTest) {
    let status = || store.read(|r| r.outbox().status());
    assert_eq!(status(), OutboxStatus::default());
    let user = store.keep_user(1);
    let mails = [1, 2, 3, 4, 5].map(|number| keep_mail(store, number, &user));
    let ends = [
        DeliveryState::Sent(START),
        DeliveryState::Dead(START),
        DeliveryState::Dropped(START),
        LEASED,
    ];
    for (mail, end) in mails.iter().zip(ends) {
        assert!(settle(store, mail, (QUEUED, 0), (end, 1), None));
    }
    let expected = OutboxStatus {
        queued: 2,
        dead: 1,
        oldest: Some(after(4)),
    };
    assert_eq!(status(), expected);
}

/// The list has the latest mails first, in every state.
pub fn the_latest_mails_are_listed_first(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let mails = [1, 2, 3].map(|number| keep_mail(store, number, &user));
    let dead = DeliveryState::Dead(after(9));
    assert!(settle(store, &mails[2], (QUEUED, 0), (dead, 1), Some("no")));
    let list = |limit| store.read(|r| r.outbox().latest(limit));
    let ids: Vec<_> = list(2).iter().map(|line| line.id).collect();
    assert_eq!(ids, [mails[2].mail.id, mails[1].mail.id]);
    assert_eq!((list(0).len(), list(10).len()), (0, 3));
    let line = &list(1)[0];
    assert_eq!(
        (line.kind.as_str(), &line.recipient),
        ("password-changed", &mails[2].mail.recipient)
    );
    assert_eq!(
        (line.created_at, line.delivery),
        (after(3), delivery(&mails[2], dead, 1))
    );
    assert_eq!(line.last_failure.as_deref(), Some("server: no"));
}

/// Mails are deleted by their expiry, the oldest first, in whatever state.
pub fn mails_are_deleted_by_their_expiry(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let mails = [1, 2, 3].map(|number| keep_mail(store, number, &user));
    assert!(settle(
        store,
        &mails[1],
        (QUEUED, 0),
        (DeliveryState::Sent(START), 1),
        None
    ));
    let bound = mails[0].expires_at;
    assert_eq!(store.write(|r| r.outbox().delete_expired(bound, 10)), 0);
    let late = bound + Duration::from_micros(1);
    assert_eq!(store.write(|r| r.outbox().delete_expired(late, 10)), 1);
    assert_eq!(found(store, &mails[0]), None);
    let end = mails[2].expires_at + Duration::from_secs(1);
    let deleted = [1, 1, 1].map(|limit| store.write(|r| r.outbox().delete_expired(end, limit)));
    assert_eq!(deleted, [1, 1, 0]);
}
