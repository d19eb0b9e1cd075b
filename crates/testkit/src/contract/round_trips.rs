//! Everything comes back exactly as it was written, at the extremes of every field.

use core::slice;
use core::time::Duration;
use std::collections::BTreeMap;

use doorward_domain::account::UserFilter;
use doorward_domain::account::{DisplayName, PasswordVersion, User, UserStatus, UserVersion};
use doorward_domain::account::{Role, Roles};
use doorward_domain::attempt::{AttemptKey, AttemptRecord, RecentAttempts};
use doorward_domain::audit::EventFilter;
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::key::{KeyId, KeyPurpose, SealedKey};
use doorward_domain::session::{EndReason, Generation, Session, SessionKey};
use doorward_domain::time::Timestamp;

use super::StoreUnderTest;
use super::extremes::{TIMES, addresses, awkward_texts, user_agents};
use crate::sample::{self, START};

/// Keeps an account, changes a plain one of the same address into it, and finds it both times, in every way.
fn assert_user_round_trips(store: &dyn StoreUnderTest, user: &User) {
    let assert_found = || {
        assert_eq!(store.user(user.id).as_ref(), Some(user));
        assert_eq!(store.write(|r| r.users().lock(user.id)).as_ref(), Some(user));
        let credentials = store.read(|r| r.users().find_credentials_by_email(user.email.canonical()));
        assert_eq!(credentials.map(|found| found.user).as_ref(), Some(user));
        let credentials = store.read(|r| r.users().find_credentials(user.id));
        assert_eq!(credentials.map(|found| found.user).as_ref(), Some(user));
        assert_eq!(
            store.read(|r| r.users().page(&UserFilter::default(), None, 2)),
            slice::from_ref(user)
        );
    };
    store.keep(user);
    assert_found();
    assert!(store.write(|r| r.users().delete(user.id)));

    store.keep(&User {
        email: user.email.clone(),
        created_at: user.created_at,
        ..sample::user(1)
    });
    store.write(|r| {
        r.users().lock(user.id)?;
        r.users().update(user)
    });
    assert_found();
    assert!(store.write(|r| r.users().delete(user.id)));
}

/// Names come back as they were; an empty name is not the same as none.
pub fn names_come_back_as_they_were(store: &dyn StoreUnderTest) {
    let names = awkward_texts().map(|text| Some(DisplayName::parse(&text).expect("a name")));
    for name in names.chain([None]) {
        assert_user_round_trips(
            store,
            &User {
                name,
                ..sample::user(1)
            },
        );
    }
}

/// Addresses come back as typed, and are found by their canonical form.
pub fn addresses_come_back_as_typed(store: &dyn StoreUnderTest) {
    let longest = format!(
        "{}@{}.{}.{}",
        "L".repeat(64),
        "a".repeat(63),
        "B".repeat(63),
        "c".repeat(61)
    );
    assert_eq!(longest.len(), 254);
    let typed = [
        "a@b",
        "Ada.Lovelace+Tag@Example.ORG",
        "o'brien@example.ie",
        "re\u{301}ne@bu\u{308}cher.example",
        "用户@例子.广告",
    ];
    for typed in typed.into_iter().chain([longest.as_str()]) {
        assert_user_round_trips(
            store,
            &User {
                email: sample::email(typed),
                ..sample::user(1)
            },
        );
    }
}

/// No roles, the most and the longest roles come back as they were.
pub fn roles_come_back_as_they_were(store: &dyn StoreUnderTest) {
    let many: Roles = (0..Roles::MAX)
        .map(|number| {
            Role::parse(&format!("r{number:02}{}", "_-".repeat(14)[..28].to_owned() + "z")).expect("a role")
        })
        .collect();
    assert_eq!(
        (many.len(), many.iter().map(|role| role.as_str().len()).max()),
        (32, Some(32))
    );
    for roles in [
        sample::roles(&[]),
        Roles::user(),
        sample::roles(&["a", "admin", "a-b", "a_b", "ab"]),
        many,
    ] {
        assert_user_round_trips(
            store,
            &User {
                roles,
                ..sample::user(1)
            },
        );
    }
}

/// Status, versions and times of an account come back as they were.
pub fn status_versions_and_times_come_back_as_they_were(store: &dyn StoreUnderTest) {
    for status in [UserStatus::Active, UserStatus::Disabled] {
        for version in [
            0,
            1,
            i32::MAX.unsigned_abs(),
            i32::MAX.unsigned_abs() + 1,
            u32::MAX,
        ] {
            assert_user_round_trips(
                store,
                &User {
                    status,
                    version: UserVersion::new(version),
                    ..sample::user(1)
                },
            );
        }
    }
    for (created_at, updated_at) in TIMES.into_iter().zip(TIMES.into_iter().rev()) {
        assert_user_round_trips(
            store,
            &User {
                created_at,
                updated_at,
                ..sample::user(1)
            },
        );
    }
}

/// A digest comes back as it was, whatever its length.
pub fn digests_come_back_as_they_were(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let long = format!(
        "$argon2id$v=19$m=19456,t=2,p=1${}${}",
        "A".repeat(86),
        "b+/".repeat(100)
    );
    for text in ["", " $x ", &long] {
        let first = PasswordVersion::FIRST;
        assert!(store.write(|r| r.users().set_digest(user.id, &sample::digest(text), first, first)));
        let found = store
            .read(|r| r.users().find_credentials(user.id))
            .expect("the account");
        assert_eq!(found.digest.expose(), text);
    }
}

/// Keeps a session of a new user and finds it again, alone and in the user's list.
fn assert_session_round_trips(store: &dyn StoreUnderTest, session: &Session) {
    store.keep_session(session);
    assert_eq!(store.session(session.id).as_ref(), Some(session));
    let long_ago = session.expires_at - Duration::from_secs(1);
    let listed = store.read(|r| r.sessions().list_unended(session.user_id, long_ago, 1000));
    assert!(
        listed.contains(session),
        "{session:?} is not as it was in {listed:?}"
    );
}

/// Keys, generations and times of a session come back as they were.
pub fn sessions_come_back_as_they_were(store: &dyn StoreUnderTest) {
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

/// Client addresses and names come back as they were when a session was opened, and when it was rotated.
pub fn clients_come_back_as_they_were(store: &dyn StoreUnderTest) {
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

/// Times and reasons of a session's end come back as they were.
pub fn ends_come_back_as_they_were(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let ends = EndReason::ALL.into_iter().zip(TIMES.into_iter().cycle());
    for (number, (reason, at)) in (0..).zip(ends) {
        let session = sample::session(number, user.id);
        store.keep_session(&session);
        assert!(store.write(|r| r.sessions().end(session.id, reason, at)));
        let ended = store
            .session(session.id)
            .and_then(|session| session.ended)
            .expect("an end");
        assert_eq!((ended.at, ended.reason), (at, reason));
    }
}

/// What is remembered of guesses comes back as it was.
pub fn attempts_come_back_as_they_were(store: &dyn StoreUnderTest) {
    for bytes in [[0x00; 32], [0xff; 32], [0x80; 32]] {
        let key = AttemptKey::from_bytes(bytes);
        for (failures, last_at) in [0, 1, 0x8000_0000, u32::MAX].into_iter().cycle().zip(TIMES) {
            let mut recent = [failures.to_be_bytes()[3]; RecentAttempts::BYTES];
            recent[0] = 0x80;
            let record = AttemptRecord {
                failures,
                recent: RecentAttempts::from_bytes(&recent),
                last_at,
            };
            store.write(|r| {
                r.attempts().lock(&key)?;
                r.attempts().put(&key, &record)
            });
            assert_eq!(store.write(|r| r.attempts().lock(&key)), Some(record));
        }
    }
}

/// Events of every kind, with everything known or nothing, come back as they were.
pub fn events_come_back_as_they_were(store: &dyn StoreUnderTest) {
    let mut events = Vec::new();
    for (number, kind) in (0..).zip(EventKind::ALL) {
        events.push(Event {
            kind: *kind,
            ..sample::event(number)
        });
    }
    let mut add = |event: &dyn Fn(Event) -> Event| {
        let number = u32::try_from(events.len()).expect("few events");
        events.push(event(sample::event(number)));
    };
    add(&|event| Event {
        outcome: EventOutcome::Failure,
        ..event
    });
    let (user, actor) = (sample::user(1).id, sample::user(2).id);
    add(&|event| event.of(user).by(actor).in_session(sample::session(1, user).id));
    for at in TIMES {
        add(&|event| Event { at, ..event });
    }
    for ip in addresses() {
        add(&|event| Event { ip, ..event });
    }
    for user_agent in user_agents() {
        add(&|event| Event {
            user_agent: user_agent.clone(),
            ..event
        });
    }
    for text in awkward_texts() {
        add(&|event| Event {
            request_id: text.clone(),
            ..event
        });
        add(&|event| {
            event
                .with(&text, text.clone())
                .with("reason", text.clone())
                .with("lines", "a\r\n\tb")
        });
    }
    let many = (0..100).map(|number| (format!("name-{number}"), "x".repeat(number)));
    let many: BTreeMap<String, String> = many.collect();
    add(&|event| Event {
        detail: many.clone(),
        ..event
    });

    store.write(|r| events.iter().try_for_each(|event| r.events().append(event)));
    let log = store.log();
    assert_eq!(log.len(), events.len());
    for (found, event) in log.iter().zip(&events) {
        assert_eq!(found, event);
    }
    let limit = u32::try_from(events.len()).expect("few events");
    let mut page = store.read(|r| r.events().page(&EventFilter::default(), None, limit));
    page.reverse();
    assert_eq!(page, events);
}

/// Keys with any bytes, of any length, come back as they were.
pub fn keys_come_back_as_they_were(store: &dyn StoreUnderTest) {
    let all_bytes: Vec<u8> = (0..=u8::MAX).collect();
    let contents = [vec![], vec![0], vec![0xff; 32], all_bytes.repeat(16)];
    for purpose in [KeyPurpose::AccessSigning, KeyPurpose::RefreshSealing] {
        let mut keys = Vec::new();
        for (ordinal, (bytes, created_at)) in (1..).zip(contents.iter().zip(TIMES)) {
            let sealed = bytes.iter().rev().copied().collect();
            keys.push(SealedKey {
                public: bytes.clone(),
                sealed,
                created_at,
                ..sample::key(purpose, ordinal)
            });
        }
        let id = KeyId::new(format!("-_{}{}", "A".repeat(60), purpose.as_str()));
        keys.push(SealedKey {
            id,
            algorithm: "ES256".to_owned(),
            ..sample::key(purpose, 0x8000_0000)
        });
        keys.push(sample::key(purpose, u32::MAX));
        for key in &keys {
            assert!(store.write(|r| r.keys().insert(key)));
        }
        assert_eq!(store.read(|r| r.keys().list(purpose)), keys);
    }
}

/// Digest and time of setup come back as they were.
pub fn setup_comes_back_as_it_was(store: &dyn StoreUnderTest) {
    for digest in [[0x00; 32], [0xff; 32], [0x27; 32]] {
        assert!(store.write(|r| r.setup().replace_token(&digest)));
        assert_eq!(store.read(|r| r.setup().state()).token_digest, Some(digest));
    }
    assert!(store.write(|r| r.setup().complete(Timestamp::from_micros(-1))));
    assert_eq!(
        store.read(|r| r.setup().state()).completed_at,
        Some(Timestamp::from_micros(-1))
    );
}
