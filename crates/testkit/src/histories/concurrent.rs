//! Two concurrent clients of one session.

use std::collections::BTreeMap;

use doorward_application::RefreshError;
use doorward_domain::session::Generation;
use doorward_domain::session::RefreshTokens as _;
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};

use crate::FakeRefreshTokens;
use crate::contract::store::threads::race;

use super::history_app::HistoryApp;
use super::steps::ClientOperation;

/// What one client observed.
struct Report {
    /// Every token that it received.
    tokens: Vec<String>,
    logged_out: bool,
    /// Whether it received a token after its logout was acknowledged.
    token_after_logout: bool,
    /// An error that no client should receive.
    failure: Option<RefreshError>,
}

/// Both start with the token of the login and continue with the tokens they receive. Afterwards there is one lineage,
/// and a logged-out session has ended.
pub(super) fn run(
    app: &HistoryApp<'_>,
    number: u32,
    operations: &[Vec<ClientOperation>; 2],
) -> Result<(), TestCaseError> {
    let email = format!("user{number}@example.org");
    app.register(&email);
    let login = app
        .login(&email, 0)
        .map_err(|error| TestCaseError::fail(error.to_string()))?;
    let first = login.refresh_token.expose();
    let reports = race(operations.len(), |client| {
        client_of(app, first, &operations[client])
    });

    let session = app.session(login.session_id);
    let mut lineage = BTreeMap::from([(Generation::FIRST, first.to_owned())]);
    for report in &reports {
        prop_assert!(report.failure.is_none(), "{:?}", report.failure);
        prop_assert!(!report.token_after_logout, "tokens after a logout");
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
        // The latest token works, and earlier ones are detected as replays.
        let next = app.refresh(latest);
        prop_assert!(next.is_ok(), "the latest token is refused: {:?}", next.err());
        app.clock.advance(app.policy().refresh_grace);
        prop_assert!(app.refresh(latest).is_err());
    }
    prop_assert!(lineage.values().all(|token| app.refresh(token).is_err()));
    prop_assert!(app.session(login.session_id).ended.is_some());
    Ok(())
}

fn client_of(app: &HistoryApp<'_>, first: &str, operations: &[ClientOperation]) -> Report {
    let mut token = first.to_owned();
    let mut report = Report {
        tokens: Vec::new(),
        logged_out: false,
        token_after_logout: false,
        failure: None,
    };
    for operation in operations {
        match operation {
            ClientOperation::Logout => {
                app.logout(&token);
                report.logged_out = true;
            }
            ClientOperation::Refresh => match app.refresh(&token) {
                Ok(pair) => {
                    pair.refresh_token.expose().clone_into(&mut token);
                    report.tokens.push(token.clone());
                    report.token_after_logout |= report.logged_out;
                }
                Err(RefreshError::InvalidRefreshToken) => {}
                Err(error) => report.failure = Some(error),
            },
        }
    }
    report
}
