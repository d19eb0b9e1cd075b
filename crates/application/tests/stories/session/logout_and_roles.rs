//! Ended sessions never return, roles come from the store at every refresh, and profiles are private.

use doorward_application::{ViewUser, ViewUserError};
use doorward_domain::access::{AssignRoles, ManageUsers, ReadUser, ReadUsers};
use doorward_domain::id::UserId;
use doorward_domain::session::EndReason;

use crate::story_app::{PASSWORD, StoryApp};

#[test]
fn logging_out_ends_one_of_three_sessions_permanently() {
    let world = StoryApp::new();
    world.user("ada");
    let [a, b, c] = [world.enter("ada"), world.enter("ada"), world.enter("ada")];
    world.logout(&a).expect("logged out");
    assert!(world.is_refused(&a));
    let (b, c) = (
        world.refresh(&b).expect("b lives"),
        world.refresh(&c).expect("c lives"),
    );
    // A new login does not restore the ended session.
    let d = world.enter("ada");
    assert!(world.is_refused(&a));
    for live in [b, c, d] {
        assert!(world.refresh(&live).is_ok());
    }
    let ended = world.session(a.session_id).and_then(|session| session.ended);
    assert_eq!(ended.map(|ended| ended.reason), Some(EndReason::LoggedOut));
}

#[test]
fn a_logout_with_any_token_of_the_session_ends_it() {
    for presented in 0..4 {
        let world = StoryApp::new();
        world.user("ada");
        let mut pairs = vec![world.enter("ada")];
        for _ in 0..3 {
            let next = world.refresh(&pairs[pairs.len() - 1]).expect("tokens");
            pairs.push(next);
            world.wait(world.policies.session.refresh_grace);
        }
        world.logout(&pairs[presented]).expect("logged out");
        // The current token first: presenting an older one would end the session by itself.
        let mut newest_first = pairs.iter().rev();
        assert!(newest_first.all(|pair| world.is_refused(pair)), "{presented}");
    }
}

#[test]
fn a_logged_out_session_stays_ended_within_the_grace_window() {
    let world = StoryApp::new();
    world.user("ada");
    let first = world.enter("ada");
    let second = world.refresh(&first).expect("tokens");
    world.logout(&second).expect("logged out");
    assert!(world.is_refused(&first));
    assert!(world.is_refused(&second));
}

#[test]
fn a_demotion_takes_effect_at_the_next_refresh() {
    let world = StoryApp::new();
    world.admin("root");
    world.admin("eve");
    let (root, eve) = (world.enter("root"), world.enter("eve"));
    assert!(world.principal(&eve).authorize::<ManageUsers>().is_ok());
    let version = world.claims(&eve).subject_version;

    world
        .set_roles(&root, eve.user.id, &["user"])
        .expect("a demotion");
    let eve = world.refresh(&eve).expect("tokens");
    let claims = world.claims(&eve);
    assert_eq!(claims.subject_version, version.next());
    assert!(!claims.roles.is_admin());
    assert!(world.principal(&eve).authorize::<ManageUsers>().is_err());
    assert!(world.principal(&eve).authorize::<AssignRoles>().is_err());
    assert!(world.principal(&eve).authorize::<ReadUsers>().is_err());
}

#[test]
fn a_retried_refresh_returns_the_current_roles() {
    let world = StoryApp::new();
    world.admin("root");
    world.admin("eve");
    let (root, eve) = (world.enter("root"), world.enter("eve"));
    world.refresh(&eve).expect("tokens");
    world
        .set_roles(&root, eve.user.id, &["user"])
        .expect("a demotion");
    let retried = world.refresh(&eve).expect("the same tokens again");
    assert!(!world.claims(&retried).roles.is_admin());
    assert_eq!(retried.user.roles, world.claims(&retried).roles);
}

#[test]
fn a_promotion_takes_effect_at_the_next_refresh() {
    let world = StoryApp::new();
    world.admin("root");
    world.user("ada");
    let (root, ada) = (world.enter("root"), world.enter("ada"));
    world
        .set_roles(&root, ada.user.id, &["user", "auditor"])
        .expect("a promotion");
    let ada = world.refresh(&ada).expect("tokens");
    assert!(world.claims(&ada).roles.contains("auditor"));
}

#[test]
fn a_deleted_user_cannot_refresh() {
    let world = StoryApp::new();
    world.admin("root");
    world.user("ada");
    let (root, phone, laptop) = (world.enter("root"), world.enter("ada"), world.enter("ada"));
    world.delete_user(&root, phone.user.id).expect("deleted");
    assert!(world.is_refused(&phone));
    assert!(world.is_refused(&laptop));
    // An account registered with the same address later is a different one.
    let other = world.user("ada");
    assert_ne!(other.id, phone.user.id);
    assert!(world.is_refused(&phone));
}

#[test]
fn a_disabled_user_cannot_refresh_and_enabling_restores_no_session() {
    let world = StoryApp::new();
    world.admin("root");
    world.user("ada");
    let root = world.enter("root");
    let phone = world.enter("ada");
    let laptop = world.refresh(&world.enter("ada")).expect("tokens");

    world.disable(&root, phone.user.id).expect("disabled");
    assert!(world.is_refused(&phone) && world.is_refused(&laptop));
    assert!(world.login("ada", PASSWORD).is_err());

    let enabled = world.enable(&root, phone.user.id).expect("enabled");
    assert!(world.is_refused(&phone) && world.is_refused(&laptop));
    assert_eq!(world.live_sessions(enabled.id), []);
    let again = world.enter("ada");
    // Access tokens issued before stay revoked: the version counts both changes.
    assert_eq!(
        world.claims(&again).subject_version,
        phone.user.version.next().next()
    );
}

#[test]
fn a_user_cannot_read_the_profile_of_another() {
    let world = StoryApp::new();
    world.admin("root");
    let ada = world.user("ada");
    world.user("eve");
    let (root, eve) = (world.enter("root"), world.enter("eve"));
    let view = ViewUser { store: &world.store };
    let missing = UserId::from_bytes([7; 16]);

    // The refusal is the same whether or not the user exists.
    let refusals = [Some(ada.id), Some(missing), None]
        .map(|id| world.principal(&eve).authorize_on::<ReadUser>(id).map(|_| ()));
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]));
    assert!(refusals[0].is_err());

    let own = world
        .principal(&eve)
        .authorize_on::<ReadUser>(Some(eve.user.id))
        .expect("one's own");
    assert_eq!(view.execute(&own).expect("an account"), eve.user);
    let by_admin = |id| {
        let reader = world.principal(&root).authorize_on::<ReadUser>(id);
        view.execute(&reader.expect("an administrator"))
    };
    assert_eq!(by_admin(Some(ada.id)).expect("an account"), ada);
    assert!(matches!(by_admin(Some(missing)), Err(ViewUserError::NotFound)));
    assert!(matches!(by_admin(None), Err(ViewUserError::NotFound)));
}
