//! Changing the password ends other sessions, including logins in progress with the old password.

use doorward_application::ChangePasswordError;
use doorward_domain::account::PasswordVersion;
use doorward_domain::session::EndReason;
use doorward_domain::store::Transactions as _;
use doorward_testkit::FakeHasher;

use crate::concurrency::InterruptedHasher;
use crate::concurrency::at_once;
use crate::story_app::{NEW_PASSWORD, PASSWORD, StoryApp, WRONG, outcome};

const INVALID: &str = "InvalidCredentials";

#[test]
fn changing_the_password_ends_all_other_sessions() {
    let world = StoryApp::new();
    world.user("ada");
    world.user("eve");
    let [own, other, third] = [world.enter("ada"), world.enter("ada"), world.enter("ada")];
    let eve = world.enter("eve");
    world
        .change_password(&own, PASSWORD, NEW_PASSWORD)
        .expect("changed");
    for ended in [&other, &third] {
        assert!(world.is_refused(ended));
        let ended = world.session(ended.session_id).and_then(|session| session.ended);
        assert_eq!(ended.map(|ended| ended.reason), Some(EndReason::PasswordChanged));
    }
    assert!(world.refresh(&own).is_ok());
    assert!(world.refresh(&eve).is_ok());
    assert_eq!(outcome(&world.login("ada", PASSWORD)), INVALID);
    assert!(world.login("ada", NEW_PASSWORD).is_ok());
}

#[test]
fn an_unchanged_or_invalid_new_password_changes_nothing() {
    let world = StoryApp::new();
    world.user_with_digest("ada", &FakeHasher::digest("café café café"));
    let phone = world.login("ada", "café café café").expect("a session");
    let laptop = world.login("ada", "café café café").expect("a session");
    let kept = world.snapshot_with_attempts(&["ada"]);
    for (new, code) in [
        ("café café café", "unchanged"),
        ("cafe\u{301} café café", "unchanged"),
        ("short", "too-short"),
        ("ada@example.org", "derived-password"),
    ] {
        let changed = world.change_password(&phone, "café café café", new);
        let Err(ChangePasswordError::Invalid(invalid)) = changed else {
            panic!("{}", outcome(&changed));
        };
        let [violation] = invalid.violations() else {
            panic!("{invalid:?}");
        };
        assert_eq!(
            (violation.pointer.as_str(), violation.code),
            ("/new_password", code)
        );
        assert_eq!(world.snapshot_with_attempts(&["ada"]), kept);
    }
    assert!(world.refresh(&laptop).is_ok());
}

#[test]
fn an_unchanged_new_password_is_reported_only_with_the_right_current_password() {
    let world = StoryApp::new();
    world.user("ada");
    let phone = world.enter("ada");
    // An attacker with a stolen access token enters the same guess as current and new password.
    assert_eq!(outcome(&world.change_password(&phone, WRONG, WRONG)), INVALID);
    assert_eq!(outcome(&world.change_password(&phone, WRONG, "short")), INVALID);
    assert_eq!(world.hasher.hashes(), 1, "none but the registration's");
}

#[test]
fn a_concurrent_login_with_the_old_password_opens_no_session() {
    let world = StoryApp::new();
    let ada = world.user("ada");
    let phone = world.enter("ada");
    let hasher = InterruptedHasher::new(&world.hasher, || {
        world
            .change_password(&phone, PASSWORD, NEW_PASSWORD)
            .expect("changed");
    });
    assert_eq!(outcome(&world.login_with(&hasher, "ada", PASSWORD)), INVALID);
    assert_eq!(world.live_sessions(ada.id), [phone.session_id]);
    assert_eq!(world.store.memory.sessions_of(ada.id).len(), 1);
    assert!(world.login("ada", NEW_PASSWORD).is_ok());
}

#[test]
fn a_concurrent_rehash_does_not_restore_the_old_password() {
    let world = StoryApp::new();
    let ada = world.user("ada");
    let phone = world.enter("ada");
    let (weak, version) = (FakeHasher::outdated_digest(PASSWORD), PasswordVersion::FIRST);
    let weakened = world
        .store
        .transaction(|repos| repos.users().set_digest(ada.id, &weak, version, version));
    assert_eq!(weakened, Ok(true));
    let hasher = InterruptedHasher::new(&world.hasher, || {
        world
            .change_password(&phone, PASSWORD, NEW_PASSWORD)
            .expect("changed");
    });
    assert_eq!(outcome(&world.login_with(&hasher, "ada", PASSWORD)), INVALID);
    assert_eq!(world.live_sessions(ada.id), [phone.session_id]);
    assert_eq!(outcome(&world.login("ada", PASSWORD)), INVALID);
    assert!(world.login("ada", NEW_PASSWORD).is_ok());
}

#[test]
fn a_weak_digest_is_rehashed_once_and_does_not_count_as_a_password_change() {
    let world = StoryApp::new();
    world.user_with_digest("ada", &FakeHasher::outdated_digest(PASSWORD));
    let phone = world.enter("ada");
    assert_eq!(world.hasher.hashes(), 1);
    let laptop = world.enter("ada");
    assert_eq!(world.hasher.hashes(), 1);
    assert!(world.refresh(&phone).is_ok() && world.refresh(&laptop).is_ok());
}

#[test]
fn a_concurrent_login_of_a_disabled_or_deleted_user_opens_no_session() {
    for deleted in [false, true] {
        let world = StoryApp::new();
        world.admin("root");
        let ada = world.user("ada");
        let root = world.enter("root");
        let hasher = InterruptedHasher::new(&world.hasher, || {
            if deleted {
                world.delete_user(&root, ada.id).expect("deleted");
            } else {
                world.disable(&root, ada.id).expect("disabled");
            }
        });
        assert_eq!(outcome(&world.login_with(&hasher, "ada", PASSWORD)), INVALID);
        assert_eq!(world.store.memory.sessions_of(ada.id), []);
    }
}

#[test]
fn of_two_concurrent_password_changes_the_first_wins() {
    let world = StoryApp::new();
    world.user("ada");
    let (phone, laptop) = (world.enter("ada"), world.enter("ada"));
    let hasher = InterruptedHasher::new(&world.hasher, || {
        world
            .change_password(&laptop, PASSWORD, NEW_PASSWORD)
            .expect("changed");
    });
    let second = world.change_password_with(&hasher, &phone, PASSWORD, "the other new one");
    assert_eq!(outcome(&second), INVALID);
    assert!(world.is_refused(&phone));
    assert!(world.refresh(&laptop).is_ok());
    assert!(world.login("ada", NEW_PASSWORD).is_ok());
}

#[test]
fn a_concurrent_password_change_of_a_deleted_or_disabled_account_fails() {
    for deleted in [true, false] {
        let world = StoryApp::new();
        world.admin("root");
        let ada = world.user("ada");
        let (root, phone) = (world.enter("root"), world.enter("ada"));
        let hasher = InterruptedHasher::new(&world.hasher, || {
            if deleted {
                world.delete_user(&root, ada.id).expect("deleted");
            } else {
                world.disable(&root, ada.id).expect("disabled");
            }
        });
        let change = world.change_password_with(&hasher, &phone, PASSWORD, NEW_PASSWORD);
        assert_eq!(outcome(&change), "Gone", "deleted: {deleted}");
        assert!(
            !world
                .event_lines()
                .iter()
                .any(|line| line.starts_with("password.changed"))
        );
    }
}

#[test]
fn logins_racing_a_password_change_leave_no_session_of_the_old_password() {
    for _ in 0..20 {
        let world = StoryApp::new();
        let ada = world.user("ada");
        let phone = world.enter("ada");
        // Five attempts are free, so none of the five has to wait.
        let outcomes = at_once(5, |racer| {
            if racer == 0 {
                outcome(&world.change_password(&phone, PASSWORD, NEW_PASSWORD))
            } else {
                outcome(&world.login("ada", PASSWORD))
            }
        });
        assert_eq!(outcomes[0], "ok");
        assert_eq!(world.live_sessions(ada.id), [phone.session_id]);
    }
}
