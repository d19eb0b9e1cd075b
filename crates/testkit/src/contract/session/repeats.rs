//! The contract of counting repeats of a refresh.

use core::time::Duration;

use doorward_domain::session::{EndReason, Generation, Session};

use crate::contract::StoreUnderTest;
use crate::contract::store::threads::{THREADS, race};
use crate::sample::{self, START};

fn count(store: &dyn StoreUnderTest, session: &Session, generation: u32) -> Option<u32> {
    store.write(|r| r.sessions().count_repeat(session.id, Generation::new(generation)))
}

fn rotate(store: &dyn StoreUnderTest, session: &Session, from: u32) {
    let now = START + Duration::from_secs(from.into());
    assert!(store.write(|r| {
        r.sessions()
            .rotate(session.id, Generation::new(from), now, session.ip, None)
    }));
}

/// Repeats are counted from 1 for each generation, and nothing else of the session changes.
pub fn repeats_are_counted_for_each_generation(store: &dyn StoreUnderTest) {
    let session = sample::session(1, store.keep_user(1).id);
    let sibling = sample::session(2, session.user_id);
    store.keep_session(&session);
    store.keep_session(&sibling);
    for generation in 0..3 {
        let before = store.session(session.id).expect("the session");
        assert_eq!(before.repeats, 0);
        for repeats in 1..=4 {
            assert_eq!(count(store, &session, generation), Some(repeats));
            let counted = Session {
                repeats,
                ..before.clone()
            };
            let found = store.read(|r| r.sessions().find_with_user(session.id));
            assert_eq!(found.map(|(session, _)| session), Some(counted));
        }
        rotate(store, &session, generation);
    }
    assert_eq!(store.session(sibling.id), Some(sibling));
}

/// Only the current generation of a session that exists and has not ended is counted.
pub fn repeats_of_other_generations_and_ended_sessions_are_not_counted(store: &dyn StoreUnderTest) {
    let session = sample::session(1, store.keep_user(1).id);
    store.keep_session(&session);
    rotate(store, &session, 0);
    assert_eq!(count(store, &session, 1), Some(1));
    let before = store.session(session.id);
    for other in [0, 2, u32::MAX] {
        assert_eq!(count(store, &session, other), None);
    }
    assert_eq!(store.session(session.id), before);
    assert!(store.write(|r| r.revocations().end_session(
        session.id,
        EndReason::LoggedOut,
        &sample::end_event(session.id, START)
    )));
    let ended = store.session(session.id);
    assert_eq!(count(store, &session, 1), None);
    assert_eq!(store.session(session.id), ended);
    let unknown = sample::session(9, session.user_id);
    assert_eq!(count(store, &unknown, 0), None);
}

/// A count is read back unchanged from an insertion, and counted on.
pub fn counts_of_repeats_are_read_back_unchanged(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    for (number, repeats) in (0..).zip([0, 1, 10, u32::MAX - 1]) {
        let session = Session {
            generation: Generation::new(number),
            repeats,
            ..sample::session(number, user.id)
        };
        store.keep_session(&session);
        assert_eq!(store.session(session.id).as_ref(), Some(&session));
        assert_eq!(count(store, &session, number), Some(repeats + 1));
    }
}

/// Concurrent repeats each get another count, also when each transaction has read the session before.
pub fn concurrent_repeats_each_get_another_count(store: &dyn StoreUnderTest) {
    let session = sample::session(1, store.keep_user(1).id);
    store.keep_session(&session);
    for generation in 0..6 {
        let counts = race(THREADS, |_| {
            store.write(|r| {
                let current = r.sessions().find(session.id)?.map(|read| read.generation);
                let current = current.unwrap_or(Generation::FIRST);
                r.sessions().count_repeat(session.id, current)
            })
        });
        let mut counts: Vec<_> = counts.into_iter().flatten().collect();
        counts.sort_unstable();
        let racers = u32::try_from(THREADS).expect("few threads");
        assert_eq!(
            counts,
            (1..=racers).collect::<Vec<_>>(),
            "generation {generation}"
        );
        rotate(store, &session, generation);
    }
}
