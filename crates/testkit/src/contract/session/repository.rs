//! The contract of `SessionRepository`.

use core::net::IpAddr;
use core::slice;
use core::time::Duration;

use doorward_domain::account::User;
use doorward_domain::session::{EndReason, Ended, Generation, Session};
use doorward_domain::store::Transactions;
use doorward_domain::time::Timestamp;

use crate::contract::StoreUnderTest;
use crate::sample::{self, START};

/// `seconds` after [`START`].
fn after(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

/// Inserts [`sample::session`] of that number, of a new user of the same number.
fn keep_session(store: &dyn StoreUnderTest, number: u32) -> Session {
    let session = sample::session(number, store.keep_user(number).id);
    store.keep_session(&session);
    session
}

fn rotate(store: &dyn StoreUnderTest, session: &Session, from: u32, now: Timestamp) -> bool {
    store.write(|r| {
        r.sessions()
            .rotate(session.id, Generation::new(from), now, session.ip, None)
    })
}

fn end(store: &dyn StoreUnderTest, session: &Session, reason: EndReason, now: Timestamp) -> bool {
    store.write(|r| {
        r.revocations()
            .end_session(session.id, reason, &sample::end_event(session.id, now))
    })
}

/// The unended sessions of the user whose session is `of`.
fn listed(store: &dyn StoreUnderTest, of: &Session, now: Timestamp, limit: u32) -> Vec<Session> {
    store.read(|r| r.sessions().list_unended(of.user_id, now, limit))
}

/// A session is found by its id; one that does not exist is reported as none and not as an error.
pub fn an_unknown_session_is_none_and_not_an_error(store: &dyn StoreUnderTest) {
    let session = keep_session(store, 1);
    let other = sample::session(2, session.user_id);
    assert_eq!(store.session(session.id), Some(session.clone()));
    assert_eq!(store.session(other.id), None);
    assert!(!rotate(store, &other, 0, START));
    assert!(!end(store, &other, EndReason::LoggedOut, START));
    assert_eq!(store.session(other.id), None);
    assert_eq!(store.session(session.id), Some(session));
}

/// A session is found with the current state of its own user, including roles.
pub fn a_session_is_found_with_its_user(store: &dyn StoreUnderTest) {
    for (number, roles) in [(1, &[][..]), (2, &["user"]), (3, &["admin", "auditor", "user"])] {
        let user = User {
            roles: sample::roles(roles),
            ..sample::user(number)
        };
        store.keep(&user);
        let session = sample::session(number, user.id);
        store.keep_session(&session);
        let found = store.read(|r| r.sessions().find_with_user(session.id));
        assert_eq!(found, Some((session.clone(), user)));
        assert!(end(store, &session, EndReason::LoggedOut, after(1)));
        let found = store.read(|r| r.sessions().find_with_user(session.id));
        assert_eq!(found.map(|(session, _)| session), store.session(session.id));
    }
    let unknown = sample::session(4, sample::user(1).id);
    assert_eq!(store.read(|r| r.sessions().find_with_user(unknown.id)), None);
}

/// A session of a missing user cannot be inserted: otherwise a login concurrent with a deletion would outlive the
/// account.
pub fn a_session_requires_an_existing_user(store: &dyn StoreUnderTest) {
    let session = sample::session(1, sample::user(1).id);
    assert!(
        store
            .store()
            .transaction(|r| r.sessions().insert(&session))
            .is_err()
    );
    assert_eq!(store.session(session.id), None);
    assert_eq!(store.store().check(), Ok(()));
}

/// A rotation increments the given generation and records time, address and client; nothing else changes.
pub fn a_rotation_records_its_use_and_changes_nothing_else(store: &dyn StoreUnderTest) {
    let session = keep_session(store, 1);
    let ip: IpAddr = "2001:db8::7".parse().expect("an address");
    let agent = "other/2.0";
    let from = Generation::FIRST;
    assert!(store.write(|r| {
        r.sessions()
            .rotate(session.id, from, after(5), Some(ip), Some(agent))
    }));
    let rotated = Session {
        generation: Generation::new(1),
        rotated_at: after(5),
        last_used_at: after(5),
        ip: Some(ip),
        user_agent: Some(agent.to_owned()),
        ..session
    };
    assert_eq!(store.session(rotated.id), Some(rotated.clone()));

    let from = Generation::new(1);
    assert!(store.write(|r| r.sessions().rotate(rotated.id, from, after(6), None, None)));
    let again = Session {
        generation: Generation::new(2),
        rotated_at: after(6),
        last_used_at: after(6),
        ip: None,
        user_agent: None,
        ..rotated
    };
    assert_eq!(
        store.session(again.id),
        Some(again),
        "an unknown client replaces a known one"
    );
}

/// A generation is rotated once. A generation other than the current one cannot be rotated.
pub fn a_generation_rotates_once(store: &dyn StoreUnderTest) {
    let session = Session {
        generation: Generation::new(5),
        ..sample::session(1, store.keep_user(1).id)
    };
    store.keep_session(&session);
    for other in [0, 4, 6, u32::MAX] {
        assert!(!rotate(store, &session, other, after(1)));
        assert_eq!(store.session(session.id).as_ref(), Some(&session));
    }
    assert!(rotate(store, &session, 5, after(2)));
    let rotated = store.session(session.id);
    assert!(!rotate(store, &session, 5, after(3)));
    assert_eq!(store.session(session.id), rotated);
    assert!(rotate(store, &session, 6, after(4)));
}

/// The greatest generation can be reached but not rotated.
pub fn the_last_generation_cannot_rotate(store: &dyn StoreUnderTest) {
    let generation = Generation::new(u32::MAX - 1);
    let session = Session {
        generation,
        ..sample::session(1, store.keep_user(1).id)
    };
    store.keep_session(&session);
    assert!(rotate(store, &session, u32::MAX - 1, after(1)));
    let last = store.session(session.id).expect("the session");
    assert_eq!(last.generation, Generation::new(u32::MAX));
    assert!(!rotate(store, &session, u32::MAX, after(2)));
    assert_eq!(store.session(session.id), Some(last));
}

/// An ended session never rotates, whatever the reason of its end, and stays ended.
pub fn an_ended_session_never_rotates(store: &dyn StoreUnderTest) {
    for (number, reason) in (1..).zip(EndReason::ALL) {
        let session = keep_session(store, number);
        assert!(end(store, &session, reason, after(1)));
        let ended = store.session(session.id);
        for from in [0, 1] {
            assert!(!rotate(store, &session, from, after(2)), "{reason:?}");
        }
        assert_eq!(store.session(session.id), ended, "{reason:?}");
    }
}

/// Rotating and ending one session affects no other session, of the same user or another.
pub fn changes_to_one_session_affect_no_other(store: &dyn StoreUnderTest) {
    let (session, stranger) = (keep_session(store, 1), keep_session(store, 2));
    let sibling = sample::session(3, session.user_id);
    store.keep_session(&sibling);
    assert!(rotate(store, &session, 0, after(1)));
    assert!(end(store, &session, EndReason::LoggedOut, after(2)));
    assert_eq!(store.session(sibling.id), Some(sibling));
    assert_eq!(store.session(stranger.id), Some(stranger));
}

/// Ending a session records time and reason and changes nothing else, in particular not the time of the last rotation.
pub fn ending_a_session_changes_nothing_else(store: &dyn StoreUnderTest) {
    let session = keep_session(store, 1);
    assert!(rotate(store, &session, 0, after(1)));
    let rotated = store.session(session.id).expect("the session");
    assert!(end(store, &session, EndReason::Replayed, after(9)));
    let ended = Some(Ended {
        at: after(9),
        reason: EndReason::Replayed,
    });
    assert_eq!(store.session(session.id), Some(Session { ended, ..rotated }));
}

/// Time and reason of the first end are never overwritten.
pub fn the_first_end_is_never_overwritten(store: &dyn StoreUnderTest) {
    let session = keep_session(store, 1);
    assert!(end(store, &session, EndReason::LoggedOut, after(1)));
    let ended = store.session(session.id);
    assert!(!end(store, &session, EndReason::Replayed, after(2)));
    let all = store.write(|r| {
        r.sessions()
            .end_all(session.user_id, None, EndReason::UserDisabled, after(3))
    });
    assert_eq!(all, []);
    assert_eq!(store.session(session.id), ended);
}

/// Ending all sessions of a user ends the active ones except the given one, and returns them.
pub fn ending_all_sessions_spares_the_exception_and_other_users(store: &dyn StoreUnderTest) {
    let (first, stranger) = (keep_session(store, 1), keep_session(store, 2));
    let [second, third, spared] = [3, 4, 5].map(|number| sample::session(number, first.user_id));
    for session in [&second, &third, &spared] {
        store.keep_session(session);
    }
    assert!(end(store, &third, EndReason::LoggedOut, after(1)));
    assert!(rotate(store, &second, 0, after(1)));
    let (second, third) = (store.session(second.id), store.session(third.id));

    let end_all = |except: Option<&Session>, reason, now| {
        let except = except.map(|session| session.id);
        let mut ended = store.write(|r| r.sessions().end_all(first.user_id, except, reason, now));
        ended.sort_unstable();
        ended
    };
    let [second_id, spared_id] =
        [&second, &Some(spared.clone())].map(|session| session.as_ref().expect("one").id);
    assert_eq!(
        end_all(Some(&spared), EndReason::PasswordChanged, after(2)),
        [first.id, second_id]
    );
    let ended = Some(Ended {
        at: after(2),
        reason: EndReason::PasswordChanged,
    });
    assert_eq!(
        store.session(first.id),
        Some(Session {
            ended,
            ..first.clone()
        })
    );
    let second = second.expect("the second session");
    assert_eq!(store.session(second.id), Some(Session { ended, ..second }));
    let third = third.expect("the third session");
    assert_eq!(store.session(third.id), Some(third));
    assert_eq!(store.session(spared.id), Some(spared.clone()));

    assert_eq!(
        end_all(Some(&stranger), EndReason::EndedByAdmin, after(3)),
        [spared_id],
        "a stranger's is no exception"
    );
    assert_eq!(end_all(None, EndReason::EndedByAdmin, after(4)), []);
    assert_eq!(store.session(stranger.id), Some(stranger));
}

/// The list contains the user's sessions that have neither ended nor expired.
pub fn the_list_contains_sessions_neither_ended_nor_expired(store: &dyn StoreUnderTest) {
    let (live, stranger) = (keep_session(store, 1), keep_session(store, 2));
    let ended = sample::session(3, live.user_id);
    let expired = Session {
        expires_at: after(10),
        ..sample::session(4, live.user_id)
    };
    for session in [&ended, &expired] {
        store.keep_session(session);
    }
    assert!(end(store, &ended, EndReason::LoggedOut, after(1)));
    assert_eq!(listed(store, &live, after(11), 100), slice::from_ref(&live));
    assert_eq!(listed(store, &live, after(9), 100).len(), 2);
    assert_eq!(
        listed(store, &stranger, after(11), 100),
        slice::from_ref(&stranger)
    );
    let nobody = Session {
        user_id: sample::user(9).id,
        ..live
    };
    assert_eq!(listed(store, &nobody, after(11), 100), []);
}

/// The list starts with the most recently used session, and respects the limit.
pub fn the_list_starts_with_the_most_recently_used(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1).id;
    for (number, used) in [(1, 30), (2, 10), (3, 50), (4, 20), (5, 40)] {
        store.keep_session(&Session {
            last_used_at: after(used),
            ..sample::session(number, user)
        });
    }
    let numbered = |numbers: &[u32]| {
        numbers
            .iter()
            .map(|n| sample::session(*n, user).id)
            .collect::<Vec<_>>()
    };
    let ids = |limit| {
        let listed = listed(store, &sample::session(1, user), after(60), limit);
        listed.into_iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(100), numbered(&[3, 5, 1, 4, 2]));
    assert_eq!(
        ids(2),
        numbered(&[3, 5]),
        "the limit leaves out the sessions used longest ago"
    );
    assert!(rotate(store, &sample::session(2, user), 0, after(55)));
    assert_eq!(ids(3), numbered(&[2, 3, 5]));
}

/// The surplus is every active session except the most recently used ones; ended and expired sessions do not count.
pub fn surplus_sessions_are_the_least_recently_used(store: &dyn StoreUnderTest) {
    let first = keep_session(store, 1);
    let stranger = keep_session(store, 2);
    let more = [3, 4, 5].map(|number| sample::session(number, first.user_id));
    for session in &more {
        store.keep_session(session);
    }
    assert!(rotate(store, &first, 0, after(10)));
    assert!(rotate(store, &more[2], 0, after(20)));
    assert!(end(store, &more[1], EndReason::LoggedOut, after(30)));
    let surplus = |keep, now| store.read(|r| r.sessions().surplus(first.user_id, now, keep));
    assert_eq!(surplus(0, START), [more[2].id, first.id, more[0].id]);
    assert_eq!(surplus(1, START), [first.id, more[0].id]);
    assert_eq!(surplus(3, START), []);
    assert_eq!(surplus(0, first.expires_at + Duration::from_secs(1)), []);
    assert_eq!(store.session(stranger.id), Some(stranger));
}
