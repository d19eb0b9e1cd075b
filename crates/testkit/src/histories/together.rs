//! Two clients of one session, at once.

use std::collections::BTreeMap;

use doorward_application::RefreshError;
use doorward_domain::session::Generation;
use doorward_domain::session::RefreshTokens as _;
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};

use crate::FakeRefreshTokens;
use crate::contract::threads::race;

use super::door::Door;
use super::steps::Act;

/// What became of one client.
struct Report {
    /// Every token that it was given.
    tokens: Vec<String>,
    logged_out: bool,
    /// Whether it was given a token after its logout was acknowledged.
    revived: bool,
    /// An answer that no client should get.
    failure: Option<RefreshError>,
}

/// Both begin with the token of the login and go on with what they get. Afterwards there is one lineage, and what was
/// logged out stays logged out.
pub(super) fn live(door: &Door<'_>, number: u32, acts: &[Vec<Act>; 2]) -> Result<(), TestCaseError> {
    let email = format!("user{number}@example.org");
    door.register(&email);
    let login = door
        .login(&email, 0)
        .map_err(|error| TestCaseError::fail(error.to_string()))?;
    let first = login.refresh_token.expose();
    let reports = race(acts.len(), |client| client_of(door, first, &acts[client]));

    let session = door.session(login.session_id);
    let mut lineage = BTreeMap::from([(Generation::FIRST, first.to_owned())]);
    for report in &reports {
        prop_assert!(report.failure.is_none(), "{:?}", report.failure);
        prop_assert!(!report.revived, "tokens after a logout");
        prop_assert!(
            !report.logged_out || session.ended.is_some(),
            "a logout that was lost"
        );
        for token in &report.tokens {
            let opened = FakeRefreshTokens.open(token);
            let opened = opened.ok_or_else(|| TestCaseError::fail("not a token"))?;
            prop_assert!(
                opened.generation <= session.generation,
                "a token ahead of the store"
            );
            let known = lineage.entry(opened.generation).or_insert_with(|| token.clone());
            prop_assert_eq!(&*known, token, "two tokens of one generation");
        }
    }
    let (_, latest) = lineage.last_key_value().expect("the token of the login");
    if session.ended.is_none() {
        // Of all that was given out, the latest works, and the rest is found out.
        let next = door.refresh(latest);
        prop_assert!(next.is_ok(), "the latest token is refused: {:?}", next.err());
        door.clock.advance(door.policy.refresh_grace);
        prop_assert!(door.refresh(latest).is_err());
    }
    prop_assert!(lineage.values().all(|token| door.refresh(token).is_err()));
    prop_assert!(door.session(login.session_id).ended.is_some());
    Ok(())
}

fn client_of(door: &Door<'_>, first: &str, acts: &[Act]) -> Report {
    let mut token = first.to_owned();
    let mut report = Report {
        tokens: Vec::new(),
        logged_out: false,
        revived: false,
        failure: None,
    };
    for act in acts {
        match act {
            Act::Logout => {
                door.logout(&token);
                report.logged_out = true;
            }
            Act::Refresh => match door.refresh(&token) {
                Ok(pair) => {
                    pair.refresh_token.expose().clone_into(&mut token);
                    report.tokens.push(token.clone());
                    report.revived |= report.logged_out;
                }
                Err(RefreshError::InvalidRefreshToken) => {}
                Err(error) => report.failure = Some(error),
            },
        }
    }
    report
}
