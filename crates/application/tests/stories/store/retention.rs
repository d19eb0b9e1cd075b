//! Deletion of expired data, and of nothing else.

use core::time::Duration;

use doorward_application::{DeleteExpired, DeletedRows};
use doorward_domain::clock::{ClockReading, ClockWatch};
use doorward_domain::store::Transactions as _;
use doorward_domain::token::LogPosition;

use crate::story_app::{StoryApp, WRONG};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl StoryApp {
    fn delete_expired(&self) -> Vec<DeletedRows> {
        self.delete_expired_by(ClockReading::trusted(self.clock.now()))
    }

    fn delete_expired_by(&self, clock: ClockReading) -> Vec<DeletedRows> {
        let revocation_life = Duration::from_secs(905);
        DeleteExpired {
            store: &self.store,
            revocation_life,
            event_life: 100 * DAY,
        }
        .execute(clock)
        .expect("a deletion")
    }
}

impl StoryApp {
    fn stored_revocations(&self) -> usize {
        let entries = self
            .store
            .snapshot(|repos| repos.revocations().after(&LogPosition::start(), 10));
        entries.expect("a store that answers").entries.len()
    }
}

fn deleted(rows: &'static str, count: u64) -> DeletedRows {
    DeletedRows { rows, count }
}

#[test]
fn expired_data_is_deleted_and_active_data_is_kept() {
    let world = StoryApp::new();
    world.user("ada");
    let [ended, _expired] = [world.enter("ada"), world.enter("ada")];
    world.logout(&ended).expect("a logout");
    let _ = world.login("ada", WRONG);
    assert_eq!(world.delete_expired(), []);

    world.wait(2 * HOUR);
    assert_eq!(world.delete_expired(), [deleted("revocations", 1)]);
    world.wait(DAY);
    assert_eq!(world.delete_expired(), [deleted("attempts", 1)]);
    world.wait(27 * DAY);
    let living = world.enter("ada");
    world.wait(2 * DAY);
    assert_eq!(world.delete_expired(), [deleted("sessions", 2)]);
    assert!(world.is_live(living.session_id));
    assert!(world.refresh(&living).is_ok());
}

#[test]
fn a_clock_that_is_ahead_for_one_sweep_costs_nothing() {
    let world = StoryApp::new();
    world.user("ada");
    let ended = world.enter("ada");
    world.logout(&ended).expect("a logout");
    let _ = world.login("ada", WRONG);
    let before = world.snapshot_with_attempts(&["ada"]);

    let mut watch = ClockWatch::start(world.clock.now(), Duration::ZERO);
    let ahead = watch.observe(world.clock.now() + 1000 * DAY, HOUR / 60);
    assert_eq!(world.delete_expired_by(ahead), []);
    let set_right = watch.observe(world.clock.now() + HOUR / 30, HOUR / 30);
    assert_eq!(world.delete_expired_by(set_right), []);
    assert_eq!(world.snapshot_with_attempts(&["ada"]), before);
    assert_eq!(world.stored_revocations(), 1);
}

/// Whether its clock is right or not: what a revocation from before its start revokes has expired by the time it is deleted.
#[test]
fn a_process_that_has_just_started_deletes_no_revocations() {
    let world = StoryApp::new();
    world.user("ada");
    world.logout(&world.enter("ada")).expect("a logout");
    let later = world.clock.now() + 3 * HOUR;
    let mut watch = ClockWatch::start(later, Duration::ZERO);
    assert_eq!(world.delete_expired_by(watch.observe(later, Duration::ZERO)), []);
    let life = Duration::from_secs(905 + 120);
    let settled = watch.observe(later + life, life);
    assert_eq!(world.delete_expired_by(settled), [deleted("revocations", 1)]);
}

#[test]
fn audit_events_are_kept_for_the_configured_time() {
    let world = StoryApp::new();
    world.user("ada");
    let _ = world.login("ada", WRONG);
    world.wait(99 * DAY);
    world.delete_expired();
    let lines = world.event_lines();
    assert!(
        lines.iter().any(|line| line.starts_with("login.failed")),
        "{lines:?}"
    );

    let _ = world.login("ada", WRONG);
    world.wait(2 * DAY);
    let events = u64::try_from(lines.len()).expect("few events");
    assert!(world.delete_expired().contains(&deleted("events", events)));
    assert_eq!(
        world.event_lines(),
        ["login.failed failure of=ada reason=wrong-password"]
    );
    world.wait(100 * DAY);
    assert!(world.delete_expired().contains(&deleted("events", 1)));
}

#[test]
fn deleting_old_attempts_ends_no_wait() {
    let world = StoryApp::new();
    world.user("ada");
    world.exhaust("ada");
    world.wait(Duration::from_secs(10));
    world.delete_expired();
    assert!(world.login("ada", crate::story_app::PASSWORD).is_err());
}
