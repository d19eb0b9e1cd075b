use doorward_domain::audit::{Event, EventKind};
use doorward_domain::store_error::StoreError;
use doorward_testkit::sample::{self, START};
use doorward_testkit::{MemoryStore, SeededEntropy};

use super::*;

/// An interval so long that tests write only on stop.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

fn start(every: Duration) -> (Arc<MemoryStore>, Arc<RateLimitSummary>) {
    let store = Arc::new(MemoryStore::new());
    let ports = SummaryPorts {
        store: store.clone(),
        entropy: Arc::new(SeededEntropy::new(1)),
        clock: Arc::new(|| START),
    };
    (
        store,
        RateLimitSummary::start(ports, every, &Registry::new()).unwrap(),
    )
}

/// Counts one throttled request from each of `addresses` addresses, starting with 10.0.0.0.
fn throttle(log: &RateLimitSummary, class: &'static str, addresses: u32) {
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
    assert_eq!(events.len(), counter::MAX_NETWORKS + 1);
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
