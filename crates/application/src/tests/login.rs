use super::*;
use crate::{Login, LoginError, Policies, TokenPair, UseCases};
use doorward_domain::attempt::MockRefusedAttempts;
use doorward_domain::attempt::{AttemptRecord, AttemptState, RecentAttempts};
use doorward_domain::audit::EventKind;
use doorward_domain::mock_store::MockStore;
use doorward_domain::password::{HashError, MockPasswordHasher, MockStrengthEstimator, Verification};
use doorward_domain::session::MockRefreshTokens;
use doorward_domain::session::RefreshToken;
use doorward_domain::store::{MockRepositories, Verdict};
use doorward_domain::store_error::StoreError;
use doorward_domain::token::AccessToken;
use doorward_domain::token::MockAccessTokenSigner;

/// Logs in on these mocks; returns the result and how the transactions ended.
fn login(
    email: &str,
    repositories: MockRepositories,
    hasher: &MockPasswordHasher,
) -> (Result<TokenPair, LoginError>, Vec<Verdict>) {
    let mut signer = MockAccessTokenSigner::new();
    signer
        .expect_sign()
        .returning(|_| Ok(AccessToken::new("access".to_owned())));
    let mut refresh_tokens = MockRefreshTokens::new();
    refresh_tokens
        .expect_seal()
        .returning(|_, _| RefreshToken::new("refresh".to_owned()));
    let (store, entropy, attempt_keys) = (MockStore::new(repositories), entropy(), attempt_keys());
    let mut refused = MockRefusedAttempts::new();
    refused.expect_note().returning(|_, _| Some(1));
    let use_cases = UseCases {
        store: &store,
        hasher,
        estimator: &MockStrengthEstimator::new(),
        attempt_keys: &attempt_keys,
        refused_attempts: &refused,
        signer: &signer,
        refresh_tokens: &refresh_tokens,
        entropy: &entropy,
        clock: &|| NOW,
        policies: &Policies::default(),
    };
    let login = Login {
        email: email.to_owned(),
        password: secret("the password"),
    };
    let result = use_cases.attempt(&login, &context());
    (result, store.verdicts())
}

/// Repositories with these `credentials` and this attempt `record`.
fn knowing(credentials: Option<Credentials>, record: Option<AttemptRecord>) -> MockRepositories {
    let mut repositories = having_seen(record);
    repositories
        .users
        .expect_find_credentials_by_email()
        .times(1)
        .returning(move |_| Ok(credentials.clone()));
    repositories
}

/// Repositories with this attempt `record`.
fn having_seen(record: Option<AttemptRecord>) -> MockRepositories {
    let mut repositories = MockRepositories::default();
    let state = AttemptState {
        record,
        last_login: None,
    };
    repositories
        .attempts
        .expect_states()
        .times(1)
        .returning(move |keys| Ok(keys.iter().map(|_| state).collect()));
    repositories
}

/// The record with one attempt.
const COUNTED: AttemptRecord = AttemptRecord {
    failures: 1,
    recent: RecentAttempts::at_once(1),
    last_at: NOW,
};

/// Expects that the first attempt is counted.
fn expect_count(repositories: &mut MockRepositories) {
    repositories
        .attempts
        .expect_replace()
        .times(1)
        .withf(|_, before, after| before.is_none() && *after == Some(&COUNTED))
        .returning(|_, _, _| Ok(true));
}

/// Expects that the count of the first attempt is reset.
fn expect_reset(repositories: &mut MockRepositories) {
    repositories
        .attempts
        .expect_replace()
        .times(1)
        .withf(|_, before, after| *before == Some(&COUNTED) && after.is_none())
        .returning(|_, _, _| Ok(true));
}

fn expect_unchanged_user(repositories: &mut MockRepositories) {
    repositories
        .users
        .expect_lock_unchanged()
        .times(1)
        .returning(|_| Ok(true));
}

fn expect_event(repositories: &mut MockRepositories, kind: EventKind) {
    repositories
        .events
        .expect_append()
        .times(1)
        .withf(move |event| event.kind == kind)
        .returning(|_| Ok(()));
}

fn hasher_finding(verification: Verification) -> MockPasswordHasher {
    let mut hasher = MockPasswordHasher::new();
    hasher
        .expect_verify()
        .times(1)
        .returning(move |_, _| Ok(verification));
    hasher
}

fn hasher_without_an_account() -> MockPasswordHasher {
    let mut hasher = MockPasswordHasher::new();
    hasher.expect_verify_nothing().times(1).returning(|_| Ok(()));
    hasher
}

#[test]
fn unknown_wrong_and_disabled_are_counted_hashed_recorded_and_refused_alike() {
    let disabled = {
        let mut credentials = credentials();
        credentials.user.status = UserStatus::Disabled;
        credentials
    };
    for (known, hasher) in [
        (None, hasher_without_an_account()),
        (Some(credentials()), hasher_finding(Verification::Mismatch)),
        (
            Some(disabled),
            hasher_finding(Verification::Match { outdated: false }),
        ),
    ] {
        let mut repositories = knowing(known, None);
        expect_count(&mut repositories);
        expect_event(&mut repositories, EventKind::LoginFailed);
        let (result, verdicts) = login("ada@example.org", repositories, &hasher);
        assert!(matches!(result, Err(LoginError::InvalidCredentials)));
        assert_eq!(verdicts, [Verdict::Commit, Verdict::Commit]);
    }
}

#[test]
fn an_unusable_digest_is_refused_alike_and_its_attempt_is_taken_back() {
    let mut repositories = knowing(Some(credentials()), None);
    expect_count(&mut repositories);
    expect_reset(&mut repositories);
    expect_event(&mut repositories, EventKind::LoginFailed);
    let hasher = hasher_finding(Verification::Unusable);
    let (result, verdicts) = login("ada@example.org", repositories, &hasher);
    assert!(matches!(result, Err(LoginError::InvalidCredentials)));
    assert_eq!(verdicts, [Verdict::Commit, Verdict::Commit]);
}

#[test]
fn a_malformed_address_costs_a_hash_and_is_refused_like_an_unknown_one() {
    let mut repositories = MockRepositories::default();
    expect_event(&mut repositories, EventKind::LoginFailed);
    let (result, _) = login("no address", repositories, &hasher_without_an_account());
    assert!(matches!(result, Err(LoginError::InvalidCredentials)));
}

#[test]
fn after_too_many_attempts_nothing_is_hashed_and_the_refusal_is_recorded() {
    let record = AttemptRecord {
        failures: 5,
        recent: RecentAttempts::at_once(5),
        last_at: NOW,
    };
    for known in [None, Some(USER)] {
        let mut repositories = having_seen(Some(record));
        repositories
            .attempts
            .expect_find()
            .times(1)
            .returning(move |_| Ok(Some(record)));
        repositories
            .users
            .expect_id_of()
            .times(1)
            .returning(move |_| Ok(known));
        expect_event(&mut repositories, EventKind::LoginRefused);
        let (result, verdicts) = login("ada@example.org", repositories, &MockPasswordHasher::new());
        let Err(LoginError::TooManyAttempts { retry_after }) = result else {
            panic!("{result:?}")
        };
        assert_eq!(retry_after.as_secs(), 30);
        assert_eq!(verdicts, [Verdict::Commit]);
    }
}

#[test]
fn a_right_password_opens_a_session_and_resets_the_count() {
    let mut repositories = knowing(Some(credentials()), None);
    expect_count(&mut repositories);
    expect_unchanged_user(&mut repositories);
    expect_reset(&mut repositories);
    repositories
        .sessions
        .expect_insert()
        .times(1)
        .withf(|session| session.user_id == USER)
        .returning(|_| Ok(()));
    repositories
        .sessions
        .expect_surplus()
        .times(1)
        .returning(|_, _, _| Ok(Vec::new()));
    expect_event(&mut repositories, EventKind::LoginSucceeded);
    let hasher = hasher_finding(Verification::Match { outdated: false });
    let (result, verdicts) = login("ADA@EXAMPLE.ORG", repositories, &hasher);
    let pair = result.unwrap();
    assert_eq!(
        (pair.expires_in.as_secs(), pair.refresh_expires_in.as_secs()),
        (900, 7 * 24 * 3600)
    );
    assert_eq!(verdicts, [Verdict::Commit, Verdict::Commit]);
}

#[test]
fn a_weak_digest_is_replaced() {
    let mut repositories = knowing(Some(credentials()), None);
    expect_count(&mut repositories);
    expect_unchanged_user(&mut repositories);
    repositories
        .users
        .expect_set_digest()
        .times(1)
        .withf(|_, digest, expected, version| digest.expose() == "stronger" && expected == version)
        .returning(|_, _, _, _| Ok(true));
    expect_reset(&mut repositories);
    repositories.sessions.expect_insert().returning(|_| Ok(()));
    repositories
        .sessions
        .expect_surplus()
        .times(1)
        .returning(|_, _, _| Ok(Vec::new()));
    expect_event(&mut repositories, EventKind::LoginSucceeded);
    let mut hasher = hasher_finding(Verification::Match { outdated: true });
    hasher
        .expect_hash()
        .times(1)
        .returning(|_, _| Ok(PasswordDigest::new("stronger".to_owned())));
    assert!(login("ada@example.org", repositories, &hasher).0.is_ok());
}

#[test]
fn no_session_is_opened_if_the_account_changed_while_the_password_was_hashed() {
    let disabled = || User {
        status: UserStatus::Disabled,
        ..user(&["user"])
    };
    let changed = Some(PasswordVersion::FIRST.next());
    for (found, version) in [
        (None, None),
        (Some(disabled()), None),
        (Some(user(&["user"])), changed),
    ] {
        let mut repositories = knowing(Some(credentials()), None);
        expect_count(&mut repositories);
        repositories
            .users
            .expect_lock_unchanged()
            .times(1)
            .returning(|_| Ok(false));
        repositories
            .users
            .expect_lock()
            .times(1)
            .returning(move |_| Ok(found.clone()));
        repositories
            .users
            .expect_password_version()
            .returning(move |_| Ok(version));
        repositories
            .events
            .expect_append()
            .times(1)
            .withf(|event| {
                event
                    .detail
                    .get("reason")
                    .is_some_and(|why| why == "changed-meanwhile")
            })
            .returning(|_| Ok(()));
        let hasher = hasher_finding(Verification::Match { outdated: false });
        let (result, _) = login("ada@example.org", repositories, &hasher);
        assert!(matches!(result, Err(LoginError::InvalidCredentials)));
    }
}

#[test]
fn an_outage_is_not_reported_as_a_wrong_password() {
    let mut repositories = having_seen(None);
    expect_count(&mut repositories);
    let outage = || StoreError::Unavailable("planted".to_owned());
    repositories
        .users
        .expect_find_credentials_by_email()
        .returning(move |_| Err(outage()));
    let (result, verdicts) = login("ada@example.org", repositories, &MockPasswordHasher::new());
    assert!(matches!(result, Err(LoginError::Store(_))));
    assert_eq!(verdicts, [Verdict::Commit]);

    let mut repositories = knowing(Some(credentials()), None);
    expect_count(&mut repositories);
    let mut hasher = MockPasswordHasher::new();
    hasher
        .expect_verify()
        .returning(|_, _| Err(HashError("planted".to_owned())));
    assert!(matches!(
        login("ada@example.org", repositories, &hasher).0,
        Err(LoginError::Hash(_))
    ));
}

#[test]
fn an_attempt_that_was_overtaken_is_decided_again_and_counted_on_the_current_record() {
    let failures = |failures| AttemptRecord {
        failures,
        recent: RecentAttempts::at_once(failures),
        last_at: NOW,
    };
    for (meanwhile, is_allowed) in [(failures(4), true), (failures(5), false)] {
        let mut repositories = having_seen(Some(failures(3)));
        repositories
            .attempts
            .expect_replace()
            .times(1)
            .withf(move |_, before, _| *before == Some(&failures(3)))
            .returning(|_, _, _| Ok(false));
        repositories
            .attempts
            .expect_find()
            .returning(move |_| Ok(Some(meanwhile)));
        let mut hasher = MockPasswordHasher::new();
        if is_allowed {
            repositories
                .attempts
                .expect_replace()
                .times(1)
                .withf(move |_, before, after| *before == Some(&failures(4)) && *after == Some(&failures(5)))
                .returning(|_, _, _| Ok(true));
            repositories
                .users
                .expect_find_credentials_by_email()
                .returning(|_| Ok(None));
            hasher = hasher_without_an_account();
            expect_event(&mut repositories, EventKind::LoginFailed);
        } else {
            repositories.users.expect_id_of().returning(|_| Ok(None));
            expect_event(&mut repositories, EventKind::LoginRefused);
        }
        let (result, _) = login("ada@example.org", repositories, &hasher);
        match result {
            Err(LoginError::InvalidCredentials) => assert!(is_allowed),
            Err(LoginError::TooManyAttempts { .. }) => assert!(!is_allowed),
            other => panic!("{other:?}"),
        }
    }
}
