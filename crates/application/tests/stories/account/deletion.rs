//! Deletion of accounts, by their users and by administrators.

use doorward_application::{DeleteAccountError, UpdateAccountError, ViewAccount, ViewUserError};

use crate::concurrency::InterruptedHasher;
use crate::story_app::{NEW_PASSWORD, PASSWORD, StoryApp, WRONG, outcome};

#[test]
fn deleting_an_account_ends_its_sessions_and_frees_its_address() {
    let world = StoryApp::new();
    let ada = world.user("ada");
    let (phone, laptop) = (world.enter("ada"), world.enter("ada"));
    world.delete_account(&phone, PASSWORD).expect("deleted");
    assert!(world.find(ada.id).is_none());
    assert_eq!(world.store.memory.sessions_of(ada.id), []);
    assert!(world.is_refused(&phone) && world.is_refused(&laptop));
    assert_eq!(outcome(&world.login("ada", PASSWORD)), "InvalidCredentials");
    let again = world.register("ada").expect("an account");
    assert_ne!(again.id, ada.id);
}

#[test]
fn a_wrong_password_deletes_nothing() {
    let world = StoryApp::new();
    let ada = world.user("ada");
    let phone = world.enter("ada");
    let deleted = world.delete_account(&phone, WRONG);
    assert!(matches!(deleted, Err(DeleteAccountError::InvalidCredentials)));
    assert!(world.find(ada.id).is_some());
    assert!(world.refresh(&phone).is_ok());
}

#[test]
fn an_access_token_of_a_deleted_account_has_no_effect() {
    for disabled in [false, true] {
        let world = StoryApp::new();
        world.admin("root");
        let ada = world.user("ada");
        let (root, phone) = (world.enter("root"), world.enter("ada"));
        if disabled {
            world.disable(&root, ada.id).expect("disabled");
        } else {
            world.delete_user(&root, ada.id).expect("deleted");
        }
        let kept = world.snapshot_with_attempts(&[]);
        let view = ViewAccount { store: &world.store };
        assert!(matches!(
            view.execute(&world.granted_user(&phone)),
            Err(ViewUserError::NotFound)
        ));
        assert!(matches!(
            world.rename_oneself(&phone, "Ada"),
            Err(UpdateAccountError::Gone)
        ));
        assert_eq!(
            outcome(&world.change_password(&phone, PASSWORD, NEW_PASSWORD)),
            "Gone"
        );
        assert_eq!(outcome(&world.delete_account(&phone, PASSWORD)), "Gone");
        assert_eq!(outcome(&world.end_session(&phone, phone.session_id)), "NotFound");
        assert_eq!(outcome(&world.logout_everywhere(&phone)), "ok");
        assert_eq!(world.snapshot_with_attempts(&[]), kept);
        assert_eq!(world.hasher.verifications(), 2, "those of the two logins");
    }
}

#[test]
fn a_concurrent_deletion_with_the_old_password_fails() {
    let world = StoryApp::new();
    let ada = world.user("ada");
    let (phone, laptop) = (world.enter("ada"), world.enter("ada"));
    let hasher = InterruptedHasher::new(&world.hasher, || {
        world
            .change_password(&laptop, PASSWORD, NEW_PASSWORD)
            .expect("changed");
    });
    let deleted = world.delete_account_with(&hasher, &phone, PASSWORD);
    assert_eq!(outcome(&deleted), "InvalidCredentials");
    assert!(world.find(ada.id).is_some());
    assert!(world.refresh(&laptop).is_ok());
}

#[test]
fn a_concurrent_deletion_of_a_disabled_account_fails() {
    let world = StoryApp::new();
    world.admin("root");
    let ada = world.user("ada");
    let (root, phone) = (world.enter("root"), world.enter("ada"));
    let hasher = InterruptedHasher::new(&world.hasher, || {
        world.disable(&root, ada.id).expect("disabled");
    });
    let deleted = world.delete_account_with(&hasher, &phone, PASSWORD);
    assert_eq!(outcome(&deleted), "Gone");
    // A disabled user cannot free the address in order to register it again.
    assert_eq!(outcome(&world.register("ada")), "EmailTaken");
}

#[test]
fn operations_on_a_missing_user_return_not_found() {
    let world = StoryApp::new();
    world.admin("root");
    let ada = world.user("ada");
    let root = world.enter("root");
    world.delete_user(&root, ada.id).expect("deleted");
    let kept = world.snapshot_with_attempts(&["ada"]);
    assert_eq!(outcome(&world.delete_user(&root, ada.id)), "NotFound");
    assert_eq!(outcome(&world.disable(&root, ada.id)), "NotFound");
    assert_eq!(outcome(&world.set_roles(&root, ada.id, &["user"])), "NotFound");
    assert_eq!(outcome(&world.unlock(&root, ada.id)), "NotFound");
    assert_eq!(outcome(&world.end_sessions_of(&root, ada.id)), "NotFound");
    assert_eq!(world.snapshot_with_attempts(&["ada"]), kept);
}
