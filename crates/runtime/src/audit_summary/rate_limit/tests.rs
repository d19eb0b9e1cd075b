use doorward_domain::audit::{Event, EventKind};
use doorward_domain::store_error::StoreError;
use doorward_testkit::sample::{self, START};
use doorward_testkit::{MemoryStore, SeededEntropy};

use super::*;

/// So long that nothing is written in a test but when it is stopped.
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

/// Turns requests away, one from each address from 10.0.0.0 on.
fn refuse(log: &RateLimitSummary, class: &'static str, addresses: u32) {
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

fn away() -> StoreError {
    StoreError::Unavailable("planted".to_owned())
}

#[test]
fn what_was_counted_is_written_when_it_is_stopped() {
    let (store, log) = start(NEVER);
    for _ in 0..50 {
        refuse(&log, "sensitive", 1);
    }
    refuse(&log, "refresh", 2);
    assert_eq!(store.events(), []);
    assert_eq!(log.unrecorded.get(), 52);
    log.stop();
    let mut counts: Vec<_> = store
        .events()
        .iter()
        .map(|event| (event.detail["class"].clone(), event.request_id, count(event)))
        .collect();
    counts.sort_unstable();
    let told = |class: &str, request, count| (class.to_owned(), sample::request_id(request), count);
    assert_eq!(
        counts,
        [
            told("refresh", 0, 1),
            told("refresh", 1, 1),
            told("sensitive", 0, 50),
        ]
    );
    assert_eq!(log.unrecorded.get(), 0);
}

#[test]
fn what_was_counted_is_written_every_now_and_then() {
    let (store, log) = start(Duration::from_millis(1));
    refuse(&log, "general", 1);
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
fn a_storm_from_everywhere_is_a_bounded_number_of_rows_with_the_right_sum() {
    let (store, log) = start(NEVER);
    refuse(&log, "sensitive", 20_000);
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
fn what_cannot_be_written_is_kept_and_written_later() {
    let (store, log) = start(NEVER);
    refuse(&log, "sensitive", 300);
    for fail in [MemoryStore::fail_with, MemoryStore::fail_commits_with] {
        fail(&store, Some(away()));
        assert!(log.write().is_err());
        fail(&store, None);
        assert_eq!((store.events().len(), log.unrecorded.get()), (0, 300));
    }
    refuse(&log, "sensitive", 300);
    assert_eq!(log.write(), Ok(()));
    assert_eq!(store.events().iter().map(count).sum::<u64>(), 600);
    assert_eq!((store.events().len(), log.unrecorded.get()), (300, 0));
    log.stop();
    assert_eq!(store.events().len(), 300);
}

#[test]
fn a_store_that_is_away_at_the_end_is_not_waited_for_and_what_is_lost_is_known() {
    let (store, log) = start(NEVER);
    refuse(&log, "sensitive", 3);
    store.fail_with(Some(away()));
    log.stop();
    assert_eq!((store.events().len(), log.unrecorded.get()), (0, 3));
}
