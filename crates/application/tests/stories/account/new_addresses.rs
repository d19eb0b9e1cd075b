//! Which addresses a new account may have, and which an old one may keep.

use doorward_application::SetupTokenStatus;
use doorward_testkit::FakeHasher;
use secrecy::ExposeSecret as _;

use crate::story_app::{NEW_PASSWORD, PASSWORD, StoryApp, WRONG, outcome};

/// Looks like `alice@example.org`.
const FULL_WIDTH: &str = "ａlice@example.org";

#[test]
fn an_address_with_a_variant_of_another_character_is_refused_for_every_new_account() {
    let world = StoryApp::new();
    world.admin("root");
    let root = world.enter("root");
    let refused = |outcome: String| assert!(outcome.contains("variant-character"), "{outcome}");
    refused(outcome(&world.register(FULL_WIDTH)));
    refused(outcome(&world.create_admin(FULL_WIDTH)));
    refused(outcome(&world.create_user(&root, FULL_WIDTH, &["user"])));

    let world = StoryApp::new();
    let SetupTokenStatus::Made(token) = world.issue_setup_token(None).expect("an offer") else {
        panic!("no token");
    };
    refused(outcome(&world.complete_setup(token.expose_secret(), FULL_WIDTH)));
}

#[test]
fn an_account_that_has_such_an_address_can_still_be_used() {
    let world = StoryApp::new();
    world.user("alice");
    let stored = world.user_with_digest(FULL_WIDTH, &FakeHasher::digest(PASSWORD));
    let pair = world.login(FULL_WIDTH, PASSWORD).expect("a login");
    assert_eq!(pair.user.id, stored.id);
    assert_eq!(outcome(&world.login(FULL_WIDTH, WRONG)), "InvalidCredentials");
    world
        .change_password(&pair, PASSWORD, NEW_PASSWORD)
        .expect("a change");
    world.delete_account(&pair, NEW_PASSWORD).expect("deleted");
}
