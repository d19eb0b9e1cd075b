//! Sessions are read back unchanged, at the extremes of every field.

use core::time::Duration;

use doorward_domain::client::ClientId;
use doorward_domain::id::SessionId;
use doorward_domain::session::{
    Authentication, AuthenticationMethods, EndReason, Generation, Session, SessionKey, SessionKind,
};

use crate::contract::StoreUnderTest;
use crate::contract::edge_values::{TIMES, addresses, user_agents};
use crate::sample::{self, START};

/// Inserts a session, and finds it by id and in the user's list.
fn assert_session_round_trips(store: &dyn StoreUnderTest, session: &Session) {
    store.keep_session(session);
    assert_eq!(store.session(session.id).as_ref(), Some(session));
    let long_ago = session.expires_at - Duration::from_secs(1);
    let listed = store.read(|r| r.sessions().list_unended(session.user_id, long_ago, 1000));
    assert!(
        listed.contains(session),
        "{session:?} is not unchanged in {listed:?}"
    );
}

/// Keys, generations and times of a session are read back unchanged.
pub fn sessions_are_read_back_unchanged(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let mut numbers = 0..;
    let mut session = || sample::session(numbers.next().expect("a number"), user.id);
    let counting = core::array::from_fn(|place| u8::try_from(place * 8).unwrap_or(u8::MAX));
    for key in [[0x00; 32], [0xff; 32], counting] {
        assert_session_round_trips(
            store,
            &Session {
                key: SessionKey::from_bytes(key),
                ..session()
            },
        );
    }
    for generation in [
        0,
        1,
        i32::MAX.unsigned_abs(),
        i32::MAX.unsigned_abs() + 1,
        u32::MAX,
    ] {
        assert_session_round_trips(
            store,
            &Session {
                generation: Generation::new(generation),
                ..session()
            },
        );
    }
    for time in TIMES {
        assert_session_round_trips(
            store,
            &Session {
                rotated_at: time,
                ..session()
            },
        );
        assert_session_round_trips(
            store,
            &Session {
                created_at: time,
                ..session()
            },
        );
        assert_session_round_trips(
            store,
            &Session {
                last_used_at: time,
                ..session()
            },
        );
        assert_session_round_trips(
            store,
            &Session {
                expires_at: time,
                ..session()
            },
        );
    }
}

/// Sessions of every kind are read back unchanged, from a rotation and an end too.
pub fn session_kinds_are_read_back_unchanged(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let longest = ClientId::parse(&"0".repeat(63)).expect("a client id");
    let grant = |client, parent| SessionKind::Grant { client, parent };
    let kinds = [
        SessionKind::Direct,
        SessionKind::Browser,
        grant(sample::service(1), sample::session(1, user.id).id),
        // No session has this id: a grant can outlive its parent.
        grant(longest, SessionId::from_bytes([0xff; 16])),
    ];
    for (number, kind) in (0..).zip(kinds) {
        let session = Session {
            kind: kind.clone(),
            ..sample::session(number, user.id)
        };
        assert_session_round_trips(store, &session);
        let found = store.read(|r| r.sessions().find_with_user(session.id));
        assert_eq!(found.map(|(session, _)| session), Some(session.clone()));
        store.write(|r| {
            let rotated = r
                .sessions()
                .rotate(session.id, session.generation, START, None, None)?;
            assert!(rotated);
            r.revocations().end_session(
                session.id,
                EndReason::LoggedOut,
                &sample::end_event(session.id, START),
            )
        });
        assert_eq!(store.session(session.id).map(|session| session.kind), Some(kind));
    }
}

/// How and when users authenticated is read back unchanged, from a rotation too. Methods that this version does not know are
/// kept.
pub fn authentications_are_read_back_unchanged(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let words = [
        "pwd",
        "pwd otp mfa",
        "pwd pop user mfa",
        "pop user mfa",
        "x-newer",
        "pwd mfa x-newer",
    ];
    for (number, (words, at)) in (0..).zip(words.into_iter().zip(TIMES)) {
        let methods = AuthenticationMethods::parse(words).expect("a method");
        let authentication = Authentication { methods, at };
        let session = Session {
            authentication: authentication.clone(),
            ..sample::session(number, user.id)
        };
        assert_session_round_trips(store, &session);
        assert!(store.write(|r| {
            r.sessions()
                .rotate(session.id, session.generation, START, None, None)
        }));
        let found = store.read(|r| r.sessions().find_with_user(session.id));
        let found = found.map(|(session, _)| session.authentication);
        assert_eq!(found, Some(authentication));
    }
}

/// Client addresses and user agents are read back unchanged, from the insertion and from a rotation.
pub fn session_clients_are_read_back_unchanged(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let rotated = sample::session(u32::MAX, user.id);
    store.keep_session(&rotated);
    let clients = addresses().map(|ip| (ip, None));
    let clients = clients.chain(user_agents().map(|user_agent| (None, user_agent)));
    for (number, (ip, user_agent)) in (0..).zip(clients) {
        let opened = Session {
            ip,
            user_agent: user_agent.clone(),
            ..sample::session(number, user.id)
        };
        assert_session_round_trips(store, &opened);
        let from = Generation::new(number);
        assert!(store.write(|r| {
            r.sessions()
                .rotate(rotated.id, from, START, ip, user_agent.as_deref())
        }));
        let found = store.session(rotated.id).expect("the session");
        assert_eq!((found.ip, found.user_agent), (ip, user_agent));
    }
}

/// Times and reasons of a session's end are read back unchanged.
pub fn session_ends_are_read_back_unchanged(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let ends = EndReason::ALL.into_iter().zip(TIMES.into_iter().cycle());
    for (number, (reason, at)) in (0..).zip(ends) {
        let session = sample::session(number, user.id);
        store.keep_session(&session);
        assert!(store.write(|r| r.revocations().end_session(
            session.id,
            reason,
            &sample::end_event(session.id, at)
        )));
        let ended = store
            .session(session.id)
            .and_then(|session| session.ended)
            .expect("an end");
        assert_eq!((ended.at, ended.reason), (at, reason));
    }
}
