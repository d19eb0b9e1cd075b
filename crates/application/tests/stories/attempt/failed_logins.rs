//! A failed login reveals nothing about the account: the same error, the same work and the same number of events, from
//! the first attempt to the ones that have to wait.

use doorward_testkit::FakeHasher;
use doorward_testkit::sample;

use crate::story_app::{PASSWORD, SECOND, StoryApp, WRONG, outcome};

/// The observable result of one login, and its internal cost.
#[derive(Debug, PartialEq)]
struct Observation {
    outcome: String,
    verifications: u32,
    hashes: u32,
    events: usize,
    failures: Option<u32>,
}

/// Logs in repeatedly, and returns the observations.
fn observe_logins(world: &StoryApp, password: &str) -> Vec<Observation> {
    (0..9)
        .map(|_| {
            let verified = world.hasher.verifications() + world.hasher.dummy_verifications();
            let (hashed, written) = (world.hasher.hashes(), world.event_lines().len());
            let outcome = outcome(&world.login("ada", password));
            world.wait(7 * SECOND);
            Observation {
                outcome,
                verifications: world.hasher.verifications() + world.hasher.dummy_verifications() - verified,
                hashes: world.hasher.hashes() - hashed,
                events: world.event_lines().len() - written,
                failures: world.attempts_on("ada").map(|record| record.failures),
            }
        })
        .collect()
}

#[test]
fn unknown_wrong_and_disabled_logins_are_indistinguishable() {
    let unknown = observe_logins(&StoryApp::new(), PASSWORD);
    assert!(unknown.iter().any(|seen| seen.outcome == "InvalidCredentials"));
    assert!(unknown.iter().any(|seen| seen.outcome.starts_with("TooMany")));
    assert!(unknown.iter().all(|seen| seen.events == 1));

    let wrong = StoryApp::new();
    wrong.user("ada");
    assert_eq!(observe_logins(&wrong, WRONG), unknown);

    for password in [PASSWORD, WRONG] {
        let disabled = StoryApp::new();
        disabled.admin("root");
        let ada = disabled.user("ada");
        let root = disabled.enter("root");
        disabled.disable(&root, ada.id).expect("disabled");
        assert_eq!(observe_logins(&disabled, password), unknown);
    }

    let weak = StoryApp::new();
    weak.user_with_digest("ada", &FakeHasher::outdated_digest(PASSWORD));
    assert_eq!(observe_logins(&weak, WRONG), unknown);

    let deleted = StoryApp::new();
    deleted.user("ada");
    let ada = deleted.enter("ada");
    deleted.delete_account(&ada, PASSWORD).expect("deleted");
    assert_eq!(observe_logins(&deleted, PASSWORD), unknown);
}

/// No password could be right, so no attempt is counted; otherwise it is refused like any other.
#[test]
fn a_login_with_an_unusable_digest_is_refused_like_a_wrong_password_and_not_counted() {
    let unknown = observe_logins(&StoryApp::new(), PASSWORD);
    let unusable = StoryApp::new();
    unusable.user_with_digest("ada", &sample::digest("$argon2id$v=19$m=4294967295,t=1,p=1$"));
    for seen in observe_logins(&unusable, PASSWORD) {
        assert_eq!(
            (seen.outcome.as_str(), seen.failures),
            ("InvalidCredentials", None)
        );
        let first = &unknown[0];
        assert_eq!(
            (seen.verifications, seen.hashes, seen.events),
            (first.verifications, first.hashes, first.events)
        );
    }
}

#[test]
fn a_malformed_address_is_treated_like_an_unknown_one() {
    let world = StoryApp::new();
    let failed_login = |name: &str| {
        let result = outcome(&world.login(name, WRONG));
        (
            result,
            world.event_lines().len(),
            world.hasher.dummy_verifications(),
        )
    };
    assert_eq!(failed_login("nobody"), ("InvalidCredentials".to_owned(), 1, 1));
    assert_eq!(
        failed_login("not an address"),
        ("InvalidCredentials".to_owned(), 2, 2)
    );
}

#[test]
fn a_password_is_compared_as_typed_after_unicode_normalization() {
    let world = StoryApp::new();
    let long = format!("{}é tail", "long password ".repeat(6));
    world.user_with_digest("ada", &FakeHasher::digest(&long));
    assert!(long.len() > 80, "longer than some hashes read");
    for other in [
        &long[..72],
        &long.to_uppercase(),
        &format!("{long} "),
        &long[..long.len() - 1],
    ] {
        assert_eq!(outcome(&world.login("ada", other)), "InvalidCredentials");
    }
    assert!(world.login("ada", &long.replace('é', "e\u{301}")).is_ok());
}
