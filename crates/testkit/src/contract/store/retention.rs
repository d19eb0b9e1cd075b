//! The contract of `delete_expired`, for each repository that has it.

use core::time::Duration;

use doorward_domain::attempt::{AttemptKey, AttemptRecord, RecentAttempts};
use doorward_domain::audit::Event;
use doorward_domain::id::{EventId, SessionId};
use doorward_domain::session::EndReason;
use doorward_domain::token::{LogPosition, Revoked};

use crate::SeededEntropy;
use crate::contract::StoreUnderTest;
use crate::sample::{self, START, after};

/// Sessions that expired before the given time are deleted, ended or not; all others are kept.
pub fn expired_sessions_are_deleted_and_others_kept(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let mut sessions = [1, 2, 3].map(|number| sample::session(number, user.id));
    for (session, expires) in sessions.iter_mut().zip([10, 20, 30]) {
        session.expires_at = after(expires);
        store.keep_session(session);
    }
    store.write(|r| {
        r.revocations().end_session(
            sessions[0].id,
            EndReason::LoggedOut,
            &sample::end_event(sessions[0].id, START),
        )
    });
    store.write(|r| {
        r.revocations().end_session(
            sessions[2].id,
            EndReason::LoggedOut,
            &sample::end_event(sessions[2].id, START),
        )
    });
    assert_eq!(store.write(|r| r.sessions().delete_expired(after(10), 100)), 0);
    assert_eq!(store.write(|r| r.sessions().delete_expired(after(21), 100)), 2);
    let left: Vec<SessionId> = sessions
        .iter()
        .filter_map(|session| store.session(session.id))
        .map(|s| s.id)
        .collect();
    assert_eq!(left, [sessions[2].id]);
}

/// Attempt records are deleted by the time of the last attempt.
pub fn attempt_records_are_deleted_by_last_attempt(store: &dyn StoreUnderTest) {
    let keys = [1, 2].map(|number| AttemptKey::from_bytes([number; 32]));
    for (key, last) in keys.iter().zip([10, 20]) {
        let record = AttemptRecord {
            failures: 1,
            recent: RecentAttempts::at_once(1),
            last_at: after(last),
        };
        store.write(|r| r.attempts().replace(key, None, Some(&record)));
    }
    assert_eq!(store.write(|r| r.attempts().delete_expired(after(11), 100)), 1);
    let known = keys.map(|key| store.read(|r| r.attempts().find(&key)).is_some());
    assert_eq!(known, [false, true]);
}

/// Networks are deleted by the time of the last login.
pub fn networks_are_deleted_by_last_login(store: &dyn StoreUnderTest) {
    let keys = [1, 2].map(|number| AttemptKey::from_bytes([number; 32]));
    let account = AttemptKey::from_bytes([9; 32]);
    for (key, last) in keys.iter().zip([10, 20]) {
        store.write(|r| r.networks().note(&[(*key, after(last))], &account));
    }
    assert_eq!(store.write(|r| r.networks().delete_expired(after(11), 100)), 1);
    assert_eq!(store.read(|r| r.networks().list(&account)), keys[1..]);
}

/// Revocations are deleted by their time, and later ones are after all earlier ones.
pub fn revocations_are_deleted_by_their_time(store: &dyn StoreUnderTest) {
    let entries = || {
        store
            .read(|r| r.revocations().after(&LogPosition::start(), 100))
            .entries
    };
    let append = |at| {
        let revoked = [Revoked::Session(SessionId::from_bytes([1; 16]))];
        store.write(|r| r.revocations().append(&revoked, at));
        entries().last().expect("an entry").transaction
    };
    let (first, second) = (append(after(10)), append(after(20)));
    assert!(first < second);
    assert_eq!(store.write(|r| r.revocations().delete_expired(after(11), 100)), 1);
    assert_eq!(entries().len(), 1);
    assert_eq!(
        store.write(|r| r.revocations().delete_expired(after(100), 100)),
        1
    );
    assert!(append(after(200)) > second);
}

/// Events are deleted by the time in their ids, in milliseconds; those of the given millisecond are kept.
pub fn events_are_deleted_by_the_time_in_their_ids(store: &dyn StoreUnderTest) {
    let entropy = SeededEntropy::new(3);
    let mut kept = Vec::new();
    for second in [10, 20, 20, 20, 30] {
        let at = after(second);
        let event = Event {
            id: EventId::generate(at, &entropy),
            at,
            ..sample::event(0)
        };
        store.write(|r| r.events().append(&event));
        if second > 10 {
            kept.push(event);
        }
    }
    assert_eq!(store.write(|r| r.events().delete_expired(after(10), 100)), 0);
    assert_eq!(store.write(|r| r.events().delete_expired(after(20), 100)), 1);
    kept.sort_by_key(|event| event.id);
    assert_eq!(store.log(), kept);
    let deleted = [2, 2, 2].map(|limit| store.write(|r| r.events().delete_expired(after(21), limit)));
    assert_eq!(deleted, [2, 1, 0]);
    assert_eq!(store.log(), kept[3..]);
}

/// A deletion respects the limit.
pub fn a_deletion_run_is_bounded(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    for number in 1..=5 {
        store.keep_session(&sample::session(number, user.id));
    }
    let late = sample::session(1, user.id).expires_at + Duration::from_secs(1);
    let deleted = [2, 2, 2].map(|limit| store.write(|r| r.sessions().delete_expired(late, limit)));
    assert_eq!(deleted, [2, 2, 1]);
}
