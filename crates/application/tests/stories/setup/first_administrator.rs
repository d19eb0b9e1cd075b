//! The first administrator is created once, with the setup token or on the command line.

use doorward_application::{CompleteSetupError, CreateUser, SetupTokenStatus};
use doorward_domain::account::Roles;
use doorward_domain::setup::SetupState;
use doorward_domain::store::Transactions as _;
use secrecy::ExposeSecret as _;

use crate::concurrency::at_once;
use crate::story_app::{StoryApp, draft, outcome};

/// Issues a setup token, and returns it.
fn offered(world: &StoryApp) -> String {
    match world.issue_setup_token(None).expect("an offer") {
        SetupTokenStatus::Made(token) => token.expose_secret().to_owned(),
        other => panic!("{other:?}"),
    }
}

fn state(world: &StoryApp) -> SetupState {
    world
        .store
        .snapshot(|repos| repos.setup().state())
        .expect("a store that answers")
}

fn assert_closed(world: &StoryApp, token: &str) {
    assert!(matches!(
        world.complete_setup(token, "mallory"),
        Err(CompleteSetupError::Closed)
    ));
}

#[test]
fn the_setup_token_creates_one_administrator() {
    let world = StoryApp::new();
    let token = offered(&world);
    let root = world
        .complete_setup(&token, "root")
        .expect("the first administrator");
    assert_eq!(root.roles, Roles::admin());
    assert_eq!(state(&world).token_digest, None);
    assert_closed(&world, &token);
    assert!(world.login("root", crate::story_app::PASSWORD).is_ok());
}

#[test]
fn a_token_that_is_no_longer_configured_is_replaced_by_one_that_is_made() {
    let world = StoryApp::new();
    let configured = "the operator chose this one";
    for _ in 0..2 {
        let status = world.issue_setup_token(Some(configured)).expect("a token");
        assert!(matches!(status, SetupTokenStatus::Configured));
    }
    assert!(state(&world).token_is_configured);
    let made = offered(&world);
    assert_closed(&world, configured);
    // The one that was made is not withdrawn at the next start.
    let status = world.issue_setup_token(None).expect("a status");
    assert!(matches!(status, SetupTokenStatus::MadeBefore));
    world
        .complete_setup(&made, "root")
        .expect("the first administrator");
    let status = world.issue_setup_token(Some(configured)).expect("a status");
    assert!(matches!(status, SetupTokenStatus::Closed));
}

#[test]
fn a_wrong_or_empty_token_creates_nothing_and_costs_no_hash() {
    let world = StoryApp::new();
    // Before a token is issued, no token matches.
    assert_closed(&world, "");
    let token = offered(&world);
    for wrong in [
        "",
        " ",
        "dws_",
        &token[..token.len() - 1],
        &format!("{token} "),
        &token.to_uppercase(),
    ] {
        assert_closed(&world, wrong);
    }
    assert_eq!(world.hasher.hashes(), 0);
    let refused = "setup.completed failure reason=wrong-token";
    assert_eq!(world.event_lines(), [refused; 7]);
    assert!(world.complete_setup(&token, "root").is_ok());
    // Afterwards there is no token again, and an empty one does not match.
    assert_closed(&world, "");
}

#[test]
fn an_empty_configured_token_counts_as_none() {
    let world = StoryApp::new();
    let offer = world.issue_setup_token(Some("")).expect("an offer");
    assert!(matches!(offer, SetupTokenStatus::Made(_)), "{offer:?}");
    assert_closed(&world, "");
}

#[test]
fn creating_an_administrator_by_command_closes_setup() {
    let world = StoryApp::new();
    let token = offered(&world);
    world.admin("root");
    assert_closed(&world, &token);
    assert_closed(&world, "");
    assert!(matches!(
        world.issue_setup_token(None),
        Ok(SetupTokenStatus::Closed)
    ));
    let configured = world.issue_setup_token(Some("a configured token"));
    assert!(matches!(configured, Ok(SetupTokenStatus::Closed)));
    assert_closed(&world, "a configured token");
    assert!(
        world
            .use_cases()
            .issue_setup_token()
            .replace()
            .expect("a store that answers")
            .is_none()
    );
}

#[test]
fn only_an_account_with_the_admin_role_closes_setup() {
    let world = StoryApp::new();
    let token = offered(&world);
    let made = |name, roles: &[&str]| {
        let creation = CreateUser {
            admin: world.granted_to_foreign_admin(),
            draft: draft(name),
            roles: Some(roles.iter().map(ToString::to_string).collect()),
        };
        world.use_cases().create(&creation, &world.now())
    };
    world.user("ada");
    made("bob", &["user", "auditor"]).expect("a user");
    assert_eq!(state(&world).completed_at, None);
    made("root", &["admin"]).expect("an administrator");
    assert_eq!(state(&world).completed_at, Some(world.clock.now()));
    assert_closed(&world, &token);
}

#[test]
fn concurrent_completions_have_one_winner() {
    for again in [false, true] {
        let world = StoryApp::new();
        world.store.memory.rerun_writes(again);
        let token = offered(&world);
        let outcomes = at_once(8, |number| {
            outcome(&world.complete_setup(&token, &format!("admin{number}")))
        });
        assert_eq!(outcomes.iter().filter(|outcome| *outcome == "ok").count(), 1);
        assert_eq!(outcomes.iter().filter(|outcome| *outcome == "Closed").count(), 7);
        assert_eq!(world.snapshot_with_attempts(&[]).accounts.len(), 1);
        let lines = world.event_lines();
        let count = |line: &str| lines.iter().filter(|found| *found == line).count();
        assert_eq!(count("setup.completed success of=new"), 1, "{lines:?}");
        assert_eq!(
            count("setup.completed failure reason=already-completed"),
            7,
            "{lines:?}"
        );
    }
}

#[test]
fn an_invalid_draft_leaves_setup_open() {
    let world = StoryApp::new();
    let token = offered(&world);
    world.user("ada");
    let second_ada = world.complete_setup(&token, "ada");
    assert!(matches!(second_ada, Err(CompleteSetupError::EmailTaken)));
    let malformed = world.complete_setup(&token, "not an address");
    assert!(matches!(malformed, Err(CompleteSetupError::Invalid(_))));
    assert_eq!(state(&world).completed_at, None);
    assert!(world.complete_setup(&token, "root").is_ok());
}

#[test]
fn a_token_is_shown_once_and_invalidated_by_its_replacement() {
    let world = StoryApp::new();
    let first = offered(&world);
    assert!(matches!(
        world.issue_setup_token(None),
        Ok(SetupTokenStatus::MadeBefore)
    ));
    let second = world
        .use_cases()
        .issue_setup_token()
        .replace()
        .expect("a store that answers");
    let second = second.expect("another token");
    assert_closed(&world, &first);
    let configured = world.issue_setup_token(Some("a configured token"));
    assert!(matches!(configured, Ok(SetupTokenStatus::Configured)));
    assert_closed(&world, second.expose_secret());
    assert!(world.complete_setup("a configured token", "root").is_ok());
}
