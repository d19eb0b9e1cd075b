use std::collections::VecDeque;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doorward_domain::clock::ClockReading;
use doorward_domain::id::{JobId, MailId};
use doorward_domain::job::{Job, JobPayload, JobState};
use doorward_domain::mail::{
    DeliveryState, JOB_KIND, Mail, MailFailure, MailFailureReason, Mailer, NewMail, OutboxEntry, SendOutcome,
};
use doorward_domain::store::Transactions as _;
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_testkit::sample::{self, START, after};
use doorward_testkit::{Clock, MemoryStore, SeededEntropy};
use prometheus::{Registry, TextEncoder};

use crate::jobs::JobHandler as _;
use crate::watched_clock::WatchedClock;

use super::{MailDelivery, MailDeliverySettings};

/// Answers as planned, and then delivers. Reports what it sends.
struct PlannedMailer {
    outcomes: Mutex<VecDeque<SendOutcome>>,
    sent: Sender<MailId>,
}

impl Mailer for PlannedMailer {
    fn send(&self, mail: &Mail, _: ClockReading) -> SendOutcome {
        let _ = self.sent.send(mail.id);
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.pop_front().unwrap_or(SendOutcome::Delivered)
    }
}

struct Instance {
    store: Arc<MemoryStore>,
    clock: Arc<Clock>,
    watched: Arc<WatchedClock>,
    registry: Registry,
    delivery: MailDelivery,
    sent: std::sync::mpsc::Receiver<MailId>,
}

impl Instance {
    /// An instance with a mail that waits.
    fn new(outcomes: Vec<SendOutcome>) -> Self {
        let store = Arc::new(MemoryStore::new());
        let user = sample::user(1);
        store
            .transaction(|repos| -> StoreResult<()> {
                let _ = repos.users().insert(&user, &sample::digest("digest"))?;
                repos.outbox().enqueue(&mail()).map(drop)
            })
            .unwrap();
        let (sent, receiver) = channel();
        let clock = Arc::<Clock>::default();
        let ticking = Arc::clone(&clock);
        let watched = Arc::new(WatchedClock::new(Arc::new(move || ticking.now())));
        let registry = Registry::new();
        let delivery = MailDelivery::new(
            store.clone(),
            Arc::new(PlannedMailer {
                outcomes: Mutex::new(outcomes.into()),
                sent,
            }),
            Arc::new(SeededEntropy::new(1)),
            Arc::clone(&watched),
            MailDeliverySettings {
                workers: 3,
                longest_attempt: Duration::from_secs(80),
            },
            &registry,
        )
        .unwrap();
        Self {
            store,
            clock,
            watched,
            registry,
            delivery,
            sent: receiver,
        }
    }

    /// Makes an attempt, by a clock that is right.
    fn run(&self, attempt: u32) -> Result<(), String> {
        self.run_by(ClockReading::trusted(self.clock.now()), attempt)
    }

    fn run_by(&self, clock: ClockReading, attempt: u32) -> Result<(), String> {
        let mail = mail();
        let job = Job {
            id: JobId::from_bytes(*mail.mail.id.as_bytes()),
            kind: JOB_KIND,
            payload: JobPayload::default(),
            attempts: attempt,
            created_at: START,
            due_at: START,
            give_up_at: mail.expires_at,
            state: JobState::Ready,
            last_failure: None,
        };
        let result = self.delivery.run(&job, clock);
        result.map_err(|error| error.to_string())
    }

    fn entry(&self) -> OutboxEntry {
        let found = self
            .store
            .snapshot(|repos| -> StoreResult<_> { repos.outbox().find(mail().mail.id) });
        found.unwrap().unwrap()
    }

    fn sends(&self) -> usize {
        self.sent.try_iter().count()
    }

    fn metric(&self, line: &str) -> Option<String> {
        let text = TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap();
        text.lines()
            .find_map(|found| found.strip_prefix(line)?.strip_prefix(' ').map(str::to_owned))
    }
}

fn mail() -> NewMail {
    sample::mail(1, &sample::user(1))
}

fn failure(reason: MailFailureReason) -> MailFailure {
    MailFailure {
        reason,
        detail: "planted".to_owned(),
    }
}

#[test]
fn a_mail_is_sent_and_counted() {
    let instance = Instance::new(Vec::new());
    let sent = "doorward_mail_sent_total{kind=\"password-changed\"}";
    assert_eq!(instance.metric(sent).as_deref(), Some("0"));
    assert_eq!(instance.run(1), Ok(()));
    assert_eq!(instance.entry().delivery.state, DeliveryState::Sent(START));
    assert_eq!(instance.metric(sent).as_deref(), Some("1"));
    // Its job could not be completed, and is claimed once more.
    assert_eq!(instance.run(2), Ok(()));
    assert_eq!(
        (instance.sends(), instance.metric(sent).as_deref()),
        (1, Some("1"))
    );
}

#[test]
fn a_mail_that_could_not_be_sent_is_tried_again() {
    let tls = MailFailureReason::Tls;
    let instance = Instance::new(vec![SendOutcome::Retry(failure(tls))]);
    assert_eq!(instance.run(1), Err("tls: planted".to_owned()));
    let entry = instance.entry();
    assert_eq!(
        (entry.delivery.state, entry.last_failure.as_deref()),
        (DeliveryState::Queued, Some("tls: planted"))
    );
    assert_eq!(
        instance
            .metric("doorward_mail_failed_total{reason=\"tls\"}")
            .as_deref(),
        Some("1")
    );
    instance.clock.set(after(30));
    assert_eq!(instance.run(2), Ok(()));
    assert_eq!(instance.entry().delivery.state, DeliveryState::Sent(after(30)));
    assert_eq!(instance.sends(), 2);
}

#[test]
fn a_refused_mail_is_given_up_and_recorded() {
    let recipient = MailFailureReason::Recipient;
    let instance = Instance::new(vec![SendOutcome::Refused(failure(recipient))]);
    assert_eq!(instance.run(1), Ok(()));
    assert_eq!(instance.entry().delivery.state, DeliveryState::Dead(START));
    let events = instance.store.events();
    let [event] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(event.kind.as_str(), "mail.failed");
    assert_eq!(event.subject, Some(sample::user(1).id.into()));
    let detail: Vec<_> = event
        .detail
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let id = mail().mail.id.to_string();
    assert_eq!(
        detail,
        [
            ("kind", "password-changed"),
            ("mail", id.as_str()),
            ("reason", "recipient")
        ]
    );
    assert_eq!(instance.run(2), Ok(()));
    assert_eq!(instance.sends(), 1);
}

#[test]
fn an_expired_mail_is_not_sent() {
    let instance = Instance::new(Vec::new());
    instance.clock.set(mail().expires_at);
    assert_eq!(instance.run(1), Ok(()));
    assert_eq!(instance.sends(), 0);
    assert_eq!(
        instance.entry().delivery.state,
        DeliveryState::Dead(mail().expires_at)
    );
    assert_eq!(
        instance
            .metric("doorward_mail_failed_total{reason=\"expired\"}")
            .as_deref(),
        Some("1")
    );
    assert_eq!(instance.store.events().len(), 1);
}

#[test]
fn a_clock_that_is_ahead_for_a_minute_gives_up_no_mail() {
    let connection = MailFailureReason::Connection;
    let instance = Instance::new(vec![SendOutcome::Retry(failure(connection))]);
    instance.clock.set(mail().expires_at + Duration::from_hours(24));
    assert!(instance.run_by(instance.watched.read(), 1).is_err());
    assert_eq!(instance.entry().delivery.state, DeliveryState::Queued);
    assert_eq!(instance.run_by(instance.watched.read(), 2), Ok(()));
    assert!(matches!(instance.entry().delivery.state, DeliveryState::Sent(_)));
    assert_eq!((instance.sends(), instance.store.events().len()), (2, 0));
}

#[test]
fn an_outcome_is_stored_when_the_store_is_back() {
    // The store goes away while the mail is sent.
    struct Interrupting(Arc<MemoryStore>);
    impl Mailer for Interrupting {
        fn send(&self, _: &Mail, _: ClockReading) -> SendOutcome {
            self.0
                .fail_with(Some(StoreError::Unavailable("planted".to_owned())));
            let store = Arc::clone(&self.0);
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(300));
                store.fail_with(None);
            });
            SendOutcome::Delivered
        }
    }
    let mut instance = Instance::new(Vec::new());
    instance.delivery = MailDelivery::new(
        instance.store.clone(),
        Arc::new(Interrupting(Arc::clone(&instance.store))),
        Arc::new(SeededEntropy::new(1)),
        Arc::clone(&instance.watched),
        MailDeliverySettings {
            workers: 1,
            longest_attempt: Duration::ZERO,
        },
        &Registry::new(),
    )
    .unwrap();
    assert_eq!(instance.run(1), Ok(()));
    assert_eq!(instance.entry().delivery.state, DeliveryState::Sent(START));
}

#[test]
fn the_outbox_is_counted() {
    let instance = Instance::new(Vec::new());
    instance.clock.set(after(61));
    let mut task = instance.delivery.count_mails();
    assert_eq!((task.run)(), Ok(()));
    assert_eq!(
        instance
            .metric("doorward_mail_outbox{state=\"queued\"}")
            .as_deref(),
        Some("1")
    );
    assert_eq!(
        instance.metric("doorward_mail_outbox{state=\"dead\"}").as_deref(),
        Some("0")
    );
    assert_eq!(
        instance.metric("doorward_mail_oldest_seconds").as_deref(),
        Some("60")
    );
    assert_eq!(instance.run(1), Ok(()));
    assert_eq!((task.run)(), Ok(()));
    assert_eq!(
        instance.metric("doorward_mail_oldest_seconds").as_deref(),
        Some("0")
    );
}

#[test]
fn a_lease_outlasts_the_longest_attempt() {
    let instance = Instance::new(Vec::new());
    assert_eq!(
        (instance.delivery.workers(), instance.delivery.lease()),
        (3, Duration::from_secs(160))
    );
}
