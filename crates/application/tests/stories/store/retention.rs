//! Deletion of expired data, and of nothing else.

use core::time::Duration;

use doorward_application::{Sweep, Swept};

use crate::story_app::{StoryApp, WRONG};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl StoryApp {
    fn sweep(&self) -> Swept {
        let revocation_life = Duration::from_secs(905);
        Sweep {
            store: &self.store,
            revocation_life,
            event_life: 100 * DAY,
        }
        .execute(self.clock.now())
        .expect("a sweep")
    }
}

#[test]
fn expired_data_is_deleted_and_active_data_is_kept() {
    let world = StoryApp::new();
    world.user("ada");
    let [ended, _expired] = [world.enter("ada"), world.enter("ada")];
    world.logout(&ended).expect("a logout");
    let _ = world.login("ada", WRONG);
    assert_eq!(world.sweep(), Swept::default());

    world.wait(2 * HOUR);
    assert_eq!(
        world.sweep(),
        Swept {
            revocations: 1,
            ..Swept::default()
        }
    );
    world.wait(DAY);
    assert_eq!(
        world.sweep(),
        Swept {
            attempts: 1,
            ..Swept::default()
        }
    );
    world.wait(27 * DAY);
    let living = world.enter("ada");
    world.wait(2 * DAY);
    assert_eq!(
        world.sweep(),
        Swept {
            sessions: 2,
            ..Swept::default()
        }
    );
    assert!(world.is_live(living.session_id));
    assert!(world.refresh(&living).is_ok());
}

#[test]
fn audit_events_are_kept_for_the_configured_time() {
    let world = StoryApp::new();
    world.user("ada");
    let _ = world.login("ada", WRONG);
    world.wait(99 * DAY);
    world.sweep();
    let lines = world.event_lines();
    assert!(
        lines.iter().any(|line| line.starts_with("login.failed")),
        "{lines:?}"
    );

    let _ = world.login("ada", WRONG);
    world.wait(2 * DAY);
    let swept = world.sweep();
    assert_eq!(swept.events, u64::try_from(lines.len()).expect("few events"));
    assert_eq!(
        world.event_lines(),
        ["login.failed failure of=ada reason=wrong-password"]
    );
    world.wait(100 * DAY);
    assert_eq!(world.sweep().events, 1);
}

#[test]
fn deleting_old_attempts_ends_no_wait() {
    let world = StoryApp::new();
    world.user("ada");
    world.exhaust("ada");
    world.wait(Duration::from_secs(10));
    world.sweep();
    assert!(world.login("ada", crate::story_app::PASSWORD).is_err());
}
