//! Deletion of expired data, and of nothing else.

use core::time::Duration;

use doorward_application::{DeleteExpired, DeletedRows};

use crate::story_app::{StoryApp, WRONG};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl StoryApp {
    fn delete_expired(&self) -> Vec<DeletedRows> {
        let revocation_life = Duration::from_secs(905);
        DeleteExpired {
            store: &self.store,
            revocation_life,
            event_life: 100 * DAY,
        }
        .execute(self.clock.now())
        .expect("a deletion")
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
