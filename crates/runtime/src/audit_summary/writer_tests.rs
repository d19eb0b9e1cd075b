use doorward_domain::audit::{Event, EventKind};
use doorward_domain::store_error::StoreError;
use doorward_testkit::sample::{self, START};
use doorward_testkit::{MemoryStore, SeededEntropy};

use super::super::folded::TransactionEvents;
use super::*;

/// An interval so long that tests write only on stop.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

fn start(every: Duration) -> (Arc<MemoryStore>, Arc<AuditSummary>) {
    let store = Arc::new(MemoryStore::new());
    let ports = SummaryPorts {
        store: store.clone(),
        entropy: Arc::new(SeededEntropy::new(1)),
        clock: Arc::new(|| START),
    };
    let registry = Registry::new();
    let folder = Arc::new(EventFolder::new(&registry).unwrap());
    let summary = AuditSummary::start(ports, folder, every, &registry).unwrap();
    (store, summary)
}

/// Counts one throttled request from each of `addresses` addresses, starting with 10.0.0.0.
fn throttle(log: &AuditSummary, class: &'static str, addresses: u32) {
    for number in 0..addresses {
        let ip = std::net::IpAddr::from((0x0a00_0000 + number).to_be_bytes());
        let origin = RequestOrigin::new(sample::request_id(number), Some(ip), None);
        log.count(class, &origin, START);
    }
}

fn count(event: &Event) -> u64 {
    assert_eq!(event.kind, EventKind::ThrottleRefused);
    event.detail["count"].parse().unwrap()
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("planted".to_owned())
}

#[test]
fn counts_are_written_on_stop() {
    let (store, log) = start(NEVER);
    for _ in 0..50 {
        throttle(&log, "sensitive", 1);
    }
    throttle(&log, "refresh", 2);
    assert_eq!(store.events(), []);
    assert_eq!(log.unrecorded.get(), 52);
    log.stop();
    let mut counts: Vec<_> = store
        .events()
        .iter()
        .map(|event| (event.detail["class"].clone(), event.request_id, count(event)))
        .collect();
    counts.sort_unstable();
    let row = |class: &str, request, count| (class.to_owned(), sample::request_id(request), count);
    assert_eq!(
        counts,
        [
            row("refresh", 0, 1),
            row("refresh", 1, 1),
            row("sensitive", 0, 50),
        ]
    );
    assert_eq!(log.unrecorded.get(), 0);
}

#[test]
fn counts_are_written_at_the_interval() {
    let (store, log) = start(Duration::from_millis(1));
    throttle(&log, "general", 1);
    for _ in 0..3000 {
        if log.unrecorded.get() == 0 {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(store.events().iter().map(count).collect::<Vec<_>>(), [1]);
    log.stop();
    assert_eq!(store.events().len(), 1);
}

#[test]
fn a_flood_from_many_networks_is_a_bounded_number_of_rows_with_the_right_sum() {
    let (store, log) = start(NEVER);
    throttle(&log, "sensitive", 20_000);
    log.stop();
    let events = store.events();
    assert_eq!(events.len(), MAX_NETWORKS + 1);
    assert_eq!(events.iter().map(count).sum::<u64>(), 20_000);
    let others: Vec<_> = events
        .iter()
        .filter(|event| event.detail["network"] == "others")
        .map(|event| (event.ip, count(event)))
        .collect();
    assert_eq!(others, [(None, 20_000 - 1024)]);
}

#[test]
fn counts_that_cannot_be_written_are_kept_and_written_later() {
    let (store, log) = start(NEVER);
    throttle(&log, "sensitive", 300);
    for fail in [MemoryStore::fail_with, MemoryStore::fail_commits_with] {
        fail(&store, Some(unavailable()));
        assert!(log.write().is_err());
        fail(&store, None);
        assert_eq!((store.events().len(), log.unrecorded.get()), (0, 300));
    }
    throttle(&log, "sensitive", 300);
    assert_eq!(log.write(), Ok(()));
    assert_eq!(store.events().iter().map(count).sum::<u64>(), 600);
    assert_eq!((store.events().len(), log.unrecorded.get()), (300, 0));
    log.stop();
    assert_eq!(store.events().len(), 300);
}

#[test]
fn stop_does_not_wait_for_an_unavailable_store_and_the_lost_counts_are_known() {
    let (store, log) = start(NEVER);
    throttle(&log, "sensitive", 3);
    store.fail_with(Some(unavailable()));
    log.stop();
    assert_eq!((store.events().len(), log.unrecorded.get()), (0, 3));
}

#[test]
fn throttled_requests_are_counted_by_network() {
    let (store, log) = start(NEVER);
    for address in ["192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::ffff"] {
        let origin = RequestOrigin::new(sample::request_id(1), address.parse().ok(), None);
        log.count("refresh", &origin, START);
    }
    log.stop();
    let mut networks: Vec<_> = store
        .events()
        .iter()
        .map(|event| (event.detail["network"].clone(), count(event), event.ip))
        .collect();
    networks.sort_unstable();
    assert_eq!(
        networks,
        [
            ("192.0.2.1/32".to_owned(), 2, "192.0.2.1".parse().ok()),
            ("2001:db8::/48".to_owned(), 2, "2001:db8::1".parse().ok()),
        ]
    );
}

/// What one user causes at 20 requests a second is a burst of entries and one summary.
#[test]
fn events_beyond_a_users_budget_are_folded_into_one_summary() {
    let (store, log) = start(NEVER);
    let user = sample::user(1).id;
    let entropy = SeededEntropy::new(2);
    let mut written = 0;
    for _ in 0..1200 {
        let event = Event::new(
            EventKind::SessionRefreshed,
            EventOutcome::Failure,
            &doorward_testkit::context(START),
            &entropy,
        )
        .of(user);
        let mut events = TransactionEvents::default();
        written += u64::from(log.folder.admits(&event, &mut events));
        log.folder.committed(events);
    }
    assert_eq!(written, 20);
    assert_eq!(log.folder.unrecorded().get(), 1180);
    log.stop();
    let events = store.events();
    assert_eq!(events.len(), 1);
    let summary = &events[0];
    assert_eq!(
        (summary.kind, summary.outcome, summary.subject.clone()),
        (
            EventKind::SessionRefreshed,
            EventOutcome::Failure,
            Some(user.into())
        )
    );
    assert_eq!(summary.detail["count"], "1180");
    assert_eq!(log.folder.unrecorded().get(), 0);
}
