//! Revocation of access tokens: which tokens each use case revokes, and which it does not.

use core::time::Duration;

use doorward_application::TokenPair;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreError;
use doorward_domain::token::RevocationList;

use crate::story_app::{PASSWORD, StoryApp};

impl StoryApp {
    /// The list of an instance that has read all revocations.
    fn revocations(&self) -> RevocationList {
        let entries = self
            .store
            .snapshot(|r| -> Result<_, StoreError> { r.revocations().after(0, 1000) });
        let mut list = RevocationList::new(Duration::from_secs(905));
        for entry in entries.expect("a store that answers") {
            list.add(&entry);
        }
        list
    }

    fn is_revoked(&self, pair: &TokenPair) -> bool {
        self.revocations().revokes(&self.claims(pair))
    }
}

#[test]
fn a_logout_revokes_its_session_and_no_other() {
    let world = StoryApp::new();
    world.user("ada");
    let [first, second] = [world.enter("ada"), world.enter("ada")];
    assert!(world.revocations().is_empty());
    world.logout(&first).expect("a logout");
    assert!(world.is_revoked(&first));
    assert!(!world.is_revoked(&second));
    // Logging out again does not add a revocation.
    let entries = world.revocations().latest();
    world.logout(&first).expect("a logout");
    assert_eq!(world.revocations().latest(), entries);
}

#[test]
fn logging_out_everywhere_revokes_every_session_of_the_user() {
    let world = StoryApp::new();
    world.user("ada");
    world.user("eve");
    let [first, second, other] = [world.enter("ada"), world.enter("ada"), world.enter("eve")];
    world.logout_everywhere(&first).expect("a logout");
    assert!(world.is_revoked(&first) && world.is_revoked(&second));
    assert!(!world.is_revoked(&other));
}

#[test]
fn changing_the_password_does_not_revoke_the_current_session() {
    let world = StoryApp::new();
    world.user("ada");
    let [own, other] = [world.enter("ada"), world.enter("ada")];
    world
        .change_password(&own, PASSWORD, "seven tame elderberries")
        .expect("a change");
    assert!(!world.is_revoked(&own));
    assert!(world.is_revoked(&other));
}

#[test]
fn role_status_and_deletion_changes_revoke_only_earlier_tokens() {
    let world = StoryApp::new();
    world.admin("root");
    let admin = world.enter("root");
    let user = world.user("ada").id;
    let before = world.enter("ada");

    world
        .set_roles(&admin, user, &["user", "billing"])
        .expect("a change");
    assert!(world.is_revoked(&before));
    // At the same instant: versions are compared, not times.
    let after = world.refresh(&before).expect("a refresh");
    assert!(!world.is_revoked(&after));

    world.disable(&admin, user).expect("a change");
    assert!(world.is_revoked(&after));
    world.enable(&admin, user).expect("a change");
    let anew = world.enter("ada");
    assert!(!world.is_revoked(&anew));

    world.delete_user(&admin, user).expect("a deletion");
    assert!(world.is_revoked(&anew));
    assert!(!world.is_revoked(&admin));
}

#[test]
fn a_replay_revokes_all_access_tokens_of_the_session() {
    let world = StoryApp::new();
    world.user("ada");
    let stolen = world.enter("ada");
    let owner = world.refresh(&stolen).expect("a refresh");
    world.wait(Duration::from_secs(60));
    assert!(world.is_refused(&stolen));
    assert!(world.is_revoked(&owner) && world.is_revoked(&stolen));
}

#[test]
fn changes_without_effect_revoke_nothing() {
    let world = StoryApp::new();
    world.admin("root");
    let admin = world.enter("root");
    let user = world.user("ada").id;
    world
        .set_roles(&admin, user, &["user"])
        .expect("the roles there are");
    world.enable(&admin, user).expect("the status there is");
    world.rename(&admin, user, "Ada").expect("a change");
    assert!(world.revocations().is_empty());
}
