use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::*;
use crate::TokenIssuer;
use crate::{Logout, Refresh, RefreshError, TokenPair};
use doorward_domain::audit::{EventKind, EventOutcome};
use doorward_domain::mock_store::MockStore;
use doorward_domain::session::MockRefreshTokens;
use doorward_domain::session::{EndReason, Ended, PresentedRefreshToken, RefreshToken, SessionPolicy};
use doorward_domain::store::{MockRepositories, Verdict};
use doorward_domain::store_error::StoreError;
use doorward_domain::token::AccessToken;
use doorward_domain::token::MockAccessTokenSigner;

/// Fake tokens: the text of a token is its generation.
fn refresh_tokens(authentic: bool) -> MockRefreshTokens {
    let mut tokens = MockRefreshTokens::new();
    tokens.expect_open().returning(|text| {
        let generation = Generation::new(text.parse().ok()?);
        Some(PresentedRefreshToken {
            session_id: SESSION,
            generation,
            tag: [0; 32],
        })
    });
    tokens.expect_is_authentic().returning(move |_, _| authentic);
    tokens
        .expect_seal()
        .returning(|_, generation| RefreshToken::new(generation.get().to_string()));
    tokens
}

fn refresh_by(
    clock: &dyn Fn() -> Timestamp,
    presented: &str,
    repositories: MockRepositories,
    authentic: bool,
) -> (Result<TokenPair, RefreshError>, Vec<Verdict>) {
    let mut signer = MockAccessTokenSigner::new();
    signer
        .expect_sign()
        .returning(|claims| Ok(AccessToken::new(format!("{:?}", claims.roles))));
    let (store, entropy, tokens, policy) = (
        MockStore::new(repositories),
        entropy(),
        refresh_tokens(authentic),
        SessionPolicy::default(),
    );
    let issuer = TokenIssuer {
        signer: &signer,
        refresh_tokens: &tokens,
        policy: &policy,
        email_in_access_tokens: false,
        entropy: &entropy,
    };
    let result = Refresh {
        store: &store,
        issuer,
        clock,
    }
    .execute(&secret(presented), &context());
    (result, store.verdicts())
}

fn refresh(
    presented: &str,
    repositories: MockRepositories,
    authentic: bool,
) -> (Result<TokenPair, RefreshError>, Vec<Verdict>) {
    refresh_by(&|| NOW, presented, repositories, authentic)
}

fn holding(session: Session, user: User) -> MockRepositories {
    let mut repositories = MockRepositories::default();
    repositories
        .sessions
        .expect_find_with_user()
        .returning(move |_| Ok(Some((session.clone(), user.clone()))));
    repositories
}

fn is_refused(result: &Result<TokenPair, RefreshError>) -> bool {
    matches!(result, Err(RefreshError::InvalidRefreshToken))
}

#[test]
fn a_malformed_token_is_refused_without_access_to_the_store() {
    let (result, verdicts) = refresh("garbage", MockRepositories::default(), true);
    assert!(is_refused(&result));
    assert!(verdicts.is_empty());
}

#[test]
fn the_current_token_rotates_the_session() {
    let mut repositories = holding(session(4), user(&["user"]));
    repositories
        .sessions
        .expect_rotate()
        .times(1)
        .withf(|_, from, _, _, _| from.get() == 4)
        .returning(|_, _, _, _, _| Ok(true));
    let (result, verdicts) = refresh("4", repositories, true);
    assert_eq!(result.unwrap().refresh_token.expose(), "5");
    assert_eq!(verdicts, [Verdict::Commit]);
}

#[test]
fn a_retry_gets_the_same_successor_and_writes_nothing() {
    let (result, _) = refresh("3", holding(session(4), user(&["user"])), true);
    assert_eq!(result.unwrap().refresh_token.expose(), "4");
}

/// A session that was rotated from another address than that of the context.
fn rotated_elsewhere(generation: u32) -> Session {
    Session {
        ip: "192.0.2.99".parse().ok(),
        ..session(generation)
    }
}

fn expect_count(repositories: &mut MockRepositories, count: Option<u32>) {
    repositories
        .sessions
        .expect_count_repeat()
        .times(1)
        .withf(|id, current| (*id, current.get()) == (SESSION, 4))
        .returning(move |_, _| Ok(count));
}

#[test]
fn a_retry_from_elsewhere_is_counted_and_recorded() {
    let mut repositories = holding(rotated_elsewhere(4), user(&["user"]));
    expect_count(&mut repositories, Some(10));
    repositories
        .events
        .expect_append()
        .times(1)
        .withf(|event| {
            event.kind == EventKind::SessionRepeated
                && event.outcome == EventOutcome::Success
                && event.detail.get("repeat").is_some_and(|count| count == "10")
        })
        .returning(|_| Ok(()));
    let (result, verdicts) = refresh("3", repositories, true);
    assert_eq!(result.unwrap().refresh_token.expose(), "4");
    assert_eq!(verdicts, [Verdict::Commit]);
}

#[test]
fn a_retry_from_elsewhere_that_others_made_one_too_many_ends_the_session() {
    let mut repositories = holding(rotated_elsewhere(4), user(&["user"]));
    expect_count(&mut repositories, Some(11));
    repositories
        .revocations
        .expect_end_session()
        .times(1)
        .withf(|_, _, event| {
            event.kind == EventKind::SessionReplayed
                && event
                    .detail
                    .get("reason")
                    .is_some_and(|reason| reason == "too-many-repeats")
        })
        .returning(|_, _, _| Ok(true));
    let (result, verdicts) = refresh("3", repositories, true);
    assert!(is_refused(&result));
    assert_eq!(verdicts, [Verdict::Commit]);
}

#[test]
fn a_retry_from_elsewhere_is_decided_again_if_the_session_has_moved_on() {
    let mut repositories = MockRepositories::default();
    // Read once before the transaction, in which it is counted too late.
    let reads = AtomicU32::new(3);
    repositories
        .sessions
        .expect_find_with_user()
        .times(3)
        .returning(move |_| {
            let read = rotated_elsewhere(reads.fetch_add(1, Ordering::SeqCst));
            Ok(Some((read, user(&["user"]))))
        });
    expect_count(&mut repositories, None);
    repositories
        .revocations
        .expect_end_session()
        .times(1)
        .returning(|_, _, _| Ok(true));
    assert!(is_refused(&refresh("3", repositories, true).0));
}

#[test]
fn a_request_that_loses_the_race_gets_the_same_successor() {
    let mut repositories = MockRepositories::default();
    let reads = AtomicU32::new(0);
    repositories
        .sessions
        .expect_find_with_user()
        .times(2)
        .returning(move |_| {
            let read = session(reads.fetch_add(1, Ordering::SeqCst));
            Ok(Some((read, user(&["user"]))))
        });
    repositories
        .sessions
        .expect_rotate()
        .times(1)
        .returning(|_, _, _, _, _| Ok(false));
    let (result, _) = refresh("0", repositories, true);
    assert_eq!(result.unwrap().refresh_token.expose(), "1");
}

#[test]
fn a_replay_ends_the_session_and_commits() {
    let mut repositories = holding(session(4), user(&["user"]));
    repositories
        .revocations
        .expect_end_session()
        .times(1)
        .withf(|_, reason, event| *reason == EndReason::Replayed && event.kind == EventKind::SessionReplayed)
        .returning(|_, _, _| Ok(true));
    let (result, verdicts) = refresh("1", repositories, true);
    assert!(is_refused(&result));
    assert_eq!(verdicts, [Verdict::Commit]);
}

#[test]
fn a_forged_token_is_refused_and_the_session_is_unchanged() {
    for presented in ["1", "4"] {
        assert!(is_refused(
            &refresh(presented, holding(session(4), user(&["user"])), false).0
        ));
    }
}

#[test]
fn a_refusal_for_an_ended_session_or_a_disabled_user_is_committed() {
    let ended = Session {
        ended: Some(Ended {
            at: NOW,
            reason: EndReason::LoggedOut,
        }),
        ..session(4)
    };
    let disabled = User {
        status: UserStatus::Disabled,
        ..user(&["user"])
    };
    for (presented, session, user, why) in [
        ("4", ended, user(&["user"]), "session-ended"),
        ("5", session(4), user(&["user"]), "out-of-range"),
        ("3", session(4), disabled.clone(), "account-disabled"),
        ("4", session(4), disabled, "account-disabled"),
    ] {
        let mut repositories = holding(session, user);
        repositories
            .events
            .expect_append()
            .times(1)
            .withf(move |event| {
                event.kind == EventKind::SessionRefreshed
                    && event.outcome == EventOutcome::Failure
                    && event.detail.get("reason").is_some_and(|reason| reason == why)
            })
            .returning(|_| Ok(()));
        let (result, verdicts) = refresh(presented, repositories, true);
        assert!(is_refused(&result));
        assert_eq!(verdicts, [Verdict::Commit]);
    }
}

#[test]
fn roles_in_the_access_token_come_from_the_store() {
    let mut repositories = holding(session(0), user(&["auditor"]));
    repositories
        .sessions
        .expect_rotate()
        .returning(|_, _, _, _, _| Ok(true));
    assert!(
        refresh("0", repositories, true)
            .0
            .unwrap()
            .access_token
            .expose()
            .contains("auditor")
    );
}

#[test]
fn an_outage_is_not_reported_as_an_invalid_token() {
    let mut repositories = MockRepositories::default();
    repositories
        .sessions
        .expect_find_with_user()
        .returning(|_| Err(StoreError::Unavailable("planted".to_owned())));
    let (result, verdicts) = refresh("0", repositories, true);
    assert!(matches!(result, Err(RefreshError::Store(_))));
    assert_eq!(verdicts, [], "nothing was written");
}

#[test]
fn logout_accepts_any_token_of_the_session_and_no_other() {
    for (presented, authentic, ends) in [
        ("4", true, 1),
        ("0", true, 1),
        ("4", false, 0),
        ("garbage", true, 0),
    ] {
        let mut repositories = MockRepositories::default();
        repositories
            .sessions
            .expect_find()
            .returning(|_| Ok(Some(session(4))));
        repositories
            .revocations
            .expect_end_session()
            .times(ends)
            .returning(|_, _, _| Ok(true));
        let (store, entropy, tokens) = (MockStore::new(repositories), entropy(), refresh_tokens(authentic));
        let logout = Logout {
            store: &store,
            refresh_tokens: &tokens,
            entropy: &entropy,
        };
        assert_eq!(logout.execute(&secret(presented), &context()), Ok(()));
    }
}

#[test]
fn a_rotation_is_dated_when_the_session_has_been_read() {
    let late = NOW + Duration::from_secs(60);
    let mut repositories = holding(session(0), user(&["user"]));
    repositories
        .sessions
        .expect_rotate()
        .times(1)
        .withf(move |_, _, now, _, _| *now == late)
        .returning(|_, _, _, _, _| Ok(true));
    assert!(refresh_by(&|| late, "0", repositories, true).0.is_ok());
}

/// Of a request from the address and client of the last use, and of one from others, which is recorded.
#[test]
fn a_refresh_fails_without_a_rotation_as_soon_as_it_has_taken_longer_than_a_client_waits() {
    let moved = Session {
        user_agent: Some("another".to_owned()),
        ..session(0)
    };
    for session in [session(0), moved] {
        // The store is suspended before the clock is read for the second, third and fourth time.
        for late in 1..4 {
            let calls = AtomicU32::new(0);
            let clock = || {
                let is_late = calls.fetch_add(1, Ordering::SeqCst) >= late;
                NOW + Duration::from_secs(if is_late { 4 } else { 0 })
            };
            let mut repositories = holding(session.clone(), user(&["user"]));
            repositories
                .sessions
                .expect_rotate()
                .returning(|_, _, _, _, _| Ok(true));
            repositories.events.expect_append().returning(|_| Ok(()));
            let (result, verdicts) = refresh_by(&clock, "0", repositories, true);
            assert!(
                matches!(result, Err(RefreshError::Store(StoreError::Unavailable(_)))),
                "{late}: {verdicts:?}"
            );
            assert!(!verdicts.contains(&Verdict::Commit), "{late}: {verdicts:?}");
        }
    }
}

/// The bound of the store has kept the statement from taking effect.
#[test]
fn a_rotation_that_came_too_late_for_the_store_is_not_tried_again() {
    let seconds = Arc::new(AtomicU64::new(0));
    let since = Arc::clone(&seconds);
    let mut repositories = holding(session(0), user(&["user"]));
    repositories
        .sessions
        .expect_rotate()
        .times(1)
        .returning(move |_, _, _, _, _| {
            since.store(4, Ordering::SeqCst);
            Ok(false)
        });
    let clock = || NOW + Duration::from_secs(seconds.load(Ordering::SeqCst));
    let (result, verdicts) = refresh_by(&clock, "0", repositories, true);
    assert!(matches!(
        result,
        Err(RefreshError::Store(StoreError::Unavailable(_)))
    ));
    // The first changed nothing.
    assert_eq!(verdicts, [Verdict::Commit, Verdict::RollBack]);
}
