use doorward_domain::id::SessionId;
use doorward_domain::store::{Repositories, Verdict};
use doorward_domain::store_error::StoreError;
use doorward_testkit::{MemoryStore, sample, sample::START};

use super::*;

const LIFE: Duration = Duration::from_secs(905);

fn claims(session: u8) -> AccessClaims {
    sample::claims(1, SessionId::from_bytes([session; 16]))
}

fn revoke(store: &impl UnitOfWork, session: u8) {
    let revoked = [Revoked::Session(SessionId::from_bytes([session; 16]))];
    store
        .transaction(|r| -> Result<(), StoreError> { r.revocations().append(&revoked, START) })
        .unwrap();
}

/// A cache whose clock can be set.
fn cache_on_a_clock() -> (
    Arc<MemoryStore>,
    Arc<RevocationCache>,
    Arc<doorward_testkit::Clock>,
) {
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(doorward_testkit::Clock::at(START));
    let read = Arc::clone(&clock);
    let cache = RevocationCache::open(store.clone(), Arc::new(move || read.now()), LIFE).unwrap();
    (store, cache, clock)
}

fn cache() -> (Arc<MemoryStore>, Arc<RevocationCache>) {
    let store = Arc::new(MemoryStore::new());
    let cache = RevocationCache::open(store.clone(), Arc::new(|| START), LIFE).unwrap();
    (store, cache)
}

#[test]
fn revocations_from_before_the_start_take_effect_at_once() {
    let store = Arc::new(MemoryStore::new());
    for session in 0..=255 {
        for _ in 0..10 {
            revoke(&*store, session);
        }
    }
    let cache = RevocationCache::open(store, Arc::new(|| START), LIFE).unwrap();
    assert!((0..=255).all(|session| cache.status(&claims(session)) == RevocationStatus::Revoked));
    assert_eq!(cache.published().unwrap().cursor.latest(), 2560);
}

#[test]
fn the_background_thread_refreshes_the_list() {
    let (store, cache) = cache();
    cache.start_refreshing().unwrap();
    assert_eq!(cache.status(&claims(7)), RevocationStatus::Valid);
    revoke(&*store, 7);
    let start = now();
    while cache.status(&claims(7)) != RevocationStatus::Revoked {
        assert!(now().duration_since(start) < MAX_AGE, "not in time");
        thread::sleep(Duration::from_millis(5));
    }
    cache.stop();
}

/// A store whose server is replaced by another one, as in a failover.
struct Failover {
    servers: [MemoryStore; 2],
    active: std::sync::atomic::AtomicUsize,
}

impl UnitOfWork for Failover {
    fn write(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        self.servers[self.active.load(Ordering::Acquire)].write(work)
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        self.servers[self.active.load(Ordering::Acquire)].read(work)
    }

    fn check(&self) -> StoreResult<()> {
        Ok(())
    }
}

/// The standby has a shorter log, and assigns the numbers of lost entries again.
#[test]
fn revocations_take_effect_after_a_failover_that_lost_the_last_ones() {
    let store = Arc::new(Failover {
        servers: [MemoryStore::new(), MemoryStore::new()],
        active: 0.into(),
    });
    for (server, sessions) in [(0, 1..=4), (1, 1..=2)] {
        for session in sessions {
            revoke(&store.servers[server], session);
        }
    }
    let cache = RevocationCache::open(store.clone(), Arc::new(|| START), LIFE).unwrap();
    store.active.store(1, Ordering::Release);
    revoke(&store.servers[1], 7);
    cache.refresh().unwrap();
    assert_eq!(
        cache.status(&claims(7)),
        RevocationStatus::Revoked,
        "fewer entries"
    );
    for session in 8..20 {
        revoke(&store.servers[1], session);
        cache.refresh().unwrap();
        assert_eq!(cache.status(&claims(session)), RevocationStatus::Revoked);
    }
    // A logout that was acknowledged stays one, although the database has lost it.
    assert!((1..=4).all(|session| cache.status(&claims(session)) == RevocationStatus::Revoked));
}

#[test]
fn what_this_instance_has_revoked_takes_effect_without_a_read() {
    let (store, cache) = cache();
    store.fail_with(Some(StoreError::Unavailable("planted".to_owned())));
    let revoked = Revoked::Session(SessionId::from_bytes([7; 16]));
    cache.add_own(&[(revoked, START)]);
    assert_eq!(cache.status(&claims(7)), RevocationStatus::Revoked);
}

#[tokio::test]
async fn what_this_instance_has_revoked_is_published_with_its_position() {
    let (store, cache) = cache();
    cache.start_refreshing().unwrap();
    let before = cache.published().unwrap();
    revoke(&*store, 7);
    cache.add_own(&[(Revoked::Session(SessionId::from_bytes([7; 16])), START)]);
    cache.own_read().await;
    let after = cache.published().unwrap();
    assert_ne!(
        (before.cursor, before.content),
        (after.cursor.clone(), after.content)
    );
    assert_eq!(cache.after(&after.cursor), Some(RevocationDigests::default()));
    cache.stop();
}

#[test]
fn a_clock_that_was_ahead_and_is_set_back_undoes_no_revocation() {
    let (store, cache, clock) = cache_on_a_clock();
    revoke(&*store, 7);
    cache.refresh().unwrap();
    clock.set(START + 10 * LIFE);
    cache.refresh().unwrap();
    clock.set(START);
    cache.refresh().unwrap();
    assert_eq!(cache.status(&claims(7)), RevocationStatus::Revoked);
}

#[test]
fn revocations_are_published_for_the_life_of_a_token_and_the_margin_for_clocks() {
    let (store, cache) = cache();
    revoke(&*store, 7);
    cache.refresh().unwrap();
    assert_eq!(cache.published().unwrap().life, LIFE + CLOCK_MARGIN);
    let mut current = cache.current.write().unwrap();
    for (after, listed) in [
        (LIFE, 1),
        (LIFE + CLOCK_MARGIN, 1),
        (LIFE + CLOCK_MARGIN + MAX_AGE, 0),
    ] {
        let as_of = ClockReading::trusted(START + after);
        current.as_of = as_of;
        current.list.prune(as_of.now);
        drop(current);
        assert_eq!(cache.all().1.sessions.len(), listed);
        current = cache.current.write().unwrap();
    }
}

#[test]
fn a_clock_that_is_ahead_hides_no_revocation_from_other_services() {
    let (store, cache, clock) = cache_on_a_clock();
    revoke(&*store, 7);
    cache.refresh().unwrap();
    clock.set(START + 10 * LIFE);
    cache.refresh().unwrap();
    assert_eq!(cache.all().1.sessions.len(), 1);
}

#[test]
fn with_a_stale_list_no_token_is_valid_and_revoked_ones_stay_revoked() {
    let (store, cache) = cache();
    revoke(&*store, 7);
    cache.refresh().unwrap();
    store.fail_with(Some(StoreError::Unavailable("planted".to_owned())));
    assert!(cache.refresh().is_err());
    thread::sleep(MAX_AGE + Duration::from_millis(20));
    assert_eq!(cache.status(&claims(8)), RevocationStatus::Unknown);
    assert_eq!(cache.status(&claims(7)), RevocationStatus::Revoked);
    assert!(cache.published().is_none());
    store.fail_with(None);
    cache.refresh().unwrap();
    assert_eq!(cache.status(&claims(8)), RevocationStatus::Valid);
}

#[tokio::test]
async fn a_check_waits_for_a_stale_list_unless_the_last_refresh_failed() {
    let (store, cache) = cache();
    thread::sleep(MAX_AGE + Duration::from_millis(20));
    assert_eq!(cache.status(&claims(7)), RevocationStatus::Unknown);
    let late = Arc::clone(&cache);
    let refresh = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        late.refresh()
    });
    cache.caught_up().await;
    assert_eq!(cache.status(&claims(7)), RevocationStatus::Valid);
    refresh.join().unwrap().unwrap();

    store.fail_with(Some(StoreError::Unavailable("planted".to_owned())));
    thread::sleep(MAX_AGE + Duration::from_millis(20));
    assert!(cache.refresh().is_err());
    let start = now();
    cache.caught_up().await;
    assert!(
        now().duration_since(start) < REFRESH_TIMEOUT,
        "waited for an unavailable store"
    );
    assert_eq!(cache.status(&claims(7)), RevocationStatus::Unknown);
}
