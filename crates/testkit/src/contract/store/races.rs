//! Races: of several threads that compete for one change, exactly one succeeds.

use core::time::Duration;
use std::thread;

use doorward_domain::account::Roles;
use doorward_domain::account::User;
use doorward_domain::id::UserId;
use doorward_domain::key::{KeyId, KeyPurpose, SealedKey};
use doorward_domain::outcome::Outcome;
use doorward_domain::session::{EndReason, Generation};
use doorward_domain::store::{Repositories, Transactions};
use doorward_domain::store_error::{StoreError, StoreResult};

use crate::contract::StoreUnderTest;
use crate::contract::store::threads::{MOMENT, THREADS, race};
use crate::sample::{self, START};

/// The number of repetitions of a race.
const ROUNDS: u32 = 12;

/// The number of a thread, for samples.
fn number(racer: usize) -> u32 {
    u32::try_from(racer).expect("few threads")
}

fn wins(answers: &[bool]) -> usize {
    answers.iter().filter(|won| **won).count()
}

/// Of several rotations of one generation exactly one succeeds, in every round.
pub fn concurrent_rotations_have_one_winner(store: &dyn StoreUnderTest) {
    let session = sample::session(1, store.keep_user(1).id);
    store.keep_session(&session);
    for round in 0..ROUNDS {
        let agent = |racer: usize| format!("racer {racer} of round {round}");
        let answers = race(THREADS, |racer| {
            let from = Generation::new(round);
            store.write(|r| {
                r.sessions()
                    .rotate(session.id, from, START, None, Some(&agent(racer)))
            })
        });
        assert_eq!(wins(&answers), 1, "round {round}");
        let winner = answers.iter().position(|won| *won).map(agent);
        let found = store.session(session.id).expect("the session");
        assert_eq!(
            (found.generation, found.user_agent),
            (Generation::new(round + 1), winner)
        );
    }
}

/// The same if each transaction has read the session before, as a refresh does.
pub fn concurrent_rotations_after_a_read_have_one_winner(store: &dyn StoreUnderTest) {
    let session = sample::session(1, store.keep_user(1).id);
    store.keep_session(&session);
    for round in 0..ROUNDS {
        let answers = race(THREADS, |_| {
            store.write(|r| {
                let Some(seen) = r.sessions().find(session.id)? else {
                    return Ok(None);
                };
                thread::yield_now();
                let rotated = r
                    .sessions()
                    .rotate(session.id, seen.generation, START, None, None)?;
                Ok(rotated.then_some(seen.generation))
            })
        });
        let mut rotated: Vec<Generation> = answers.into_iter().flatten().collect();
        rotated.sort();
        let found = store.session(session.id).expect("the session").generation;
        let before = found.get() - number(rotated.len());
        let expected: Vec<Generation> = (before..found.get()).map(Generation::new).collect();
        assert_eq!(
            rotated, expected,
            "round {round}: each generation was rotated by one"
        );
        assert!(!rotated.is_empty(), "round {round}");
    }
}

/// Once an end is committed no rotation succeeds.
pub fn no_rotation_succeeds_after_the_end(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    for round in 0..ROUNDS {
        let session = sample::session(round, user.id);
        store.keep_session(&session);
        let rotate = |from| {
            store.write(|r| {
                r.sessions()
                    .rotate(session.id, Generation::new(from), START, None, None)
            })
        };
        let rotations = race(4, |racer| {
            if racer == 0 {
                thread::sleep(Duration::from_micros(u64::from(round) * 300));
                assert!(store.write(|r| r.revocations().end_session(
                    session.id,
                    EndReason::Replayed,
                    &sample::end_event(session.id, START)
                )));
                let reached = store.session(session.id).expect("the session").generation;
                assert!(!rotate(reached.get()), "round {round}: rotated after the end");
                return 0;
            }
            // Bounded, so that rotations cannot delay the end forever.
            let mut rotations = 0;
            for _ in 0..20 {
                let found = store.session(session.id).expect("the session");
                rotations += u32::from(rotate(found.generation.get()));
            }
            rotations
        });
        let found = store.session(session.id).expect("the session");
        assert_eq!(
            found.generation.get(),
            rotations.iter().sum::<u32>(),
            "round {round}"
        );
        assert_eq!(
            found.ended.map(|ended| ended.reason),
            Some(EndReason::Replayed),
            "round {round}"
        );
    }
}

/// Of several ends of one session exactly one succeeds, and its reason is kept.
pub fn concurrent_ends_have_one_winner(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    for round in 0..ROUNDS {
        let session = sample::session(round, user.id);
        store.keep_session(&session);
        let answers = race(EndReason::ALL.len(), |racer| {
            EndReason::ALL.get(racer).copied().filter(|reason| {
                store.write(|r| match reason {
                    EndReason::LoggedOutEverywhere => {
                        Ok(!r.sessions().end_all(user.id, None, *reason, START)?.is_empty())
                    }
                    _ => r.revocations().end_session(
                        session.id,
                        *reason,
                        &sample::end_event(session.id, START),
                    ),
                })
            })
        });
        let winners: Vec<EndReason> = answers.into_iter().flatten().collect();
        let ended = store
            .session(session.id)
            .and_then(|session| session.ended)
            .expect("an end");
        assert_eq!(winners, [ended.reason], "round {round}");
    }
}

/// Of several registrations of one address, in any spelling, exactly one succeeds; the others are refused and commit
/// their other writes.
pub fn concurrent_registrations_of_one_address_have_one_winner(store: &dyn StoreUnderTest) {
    for round in 0..ROUNDS {
        let user = |racer: usize| {
            let local = if racer.is_multiple_of(2) { "ada" } else { "ADA" };
            let email = sample::email(&format!("{local}{round}@example.org"));
            User {
                email,
                ..sample::user(round * 100 + number(racer))
            }
        };
        let insertions = race(THREADS, |racer| {
            store.write(|r| {
                let insertion = r.users().insert(&user(racer), &sample::digest("digest"))?;
                r.events().append(&sample::event(round * 100 + number(racer)))?;
                Ok(insertion)
            })
        });
        let kept: Vec<usize> = (0..THREADS)
            .filter(|racer| store.user(user(*racer).id).is_some())
            .collect();
        let done: Vec<usize> = (0..THREADS)
            .filter(|racer| insertions.get(*racer) == Some(&Outcome::Done(())))
            .collect();
        assert_eq!((done.len(), &done), (1, &kept), "round {round}");
        assert_eq!(
            store.log().len(),
            THREADS * (1 + usize::try_from(round).expect("a small number"))
        );
    }
}

/// An address that a transaction takes and rolls back is available to the transaction that waited for it.
pub fn an_address_is_available_after_a_rollback(store: &dyn StoreUnderTest) {
    for round in 0..ROUNDS {
        let email = sample::email(&format!("ada{round}@example.org"));
        let user = |racer: usize| User {
            email: email.clone(),
            ..sample::user(round * 100 + number(racer))
        };
        let answers = race(2, |racer| {
            store.store().transaction(|r| {
                let insertion = r.users().insert(&user(racer), &sample::digest("digest"))?;
                thread::sleep(MOMENT);
                match racer {
                    0 => Err(StoreError::Unavailable("a rolled-back use case".to_owned())),
                    _ => Ok(insertion),
                }
            })
        });
        assert_eq!(answers.last(), Some(&Ok(Outcome::Done(()))), "round {round}");
        assert_eq!(store.user(user(0).id), None);
        assert_eq!(store.user(user(1).id), Some(user(1)));
    }
}

/// Of several keys inserted at one ordinal exactly one is kept; the others are refused and commit their other writes.
pub fn concurrent_key_insertions_have_one_winner(store: &dyn StoreUnderTest) {
    let purpose = KeyPurpose::AccessSigning;
    let mut expected = Vec::new();
    for round in 1..=ROUNDS {
        let key = |racer: usize| SealedKey {
            id: KeyId::new(format!("key {round} of racer {racer}")),
            ..sample::key(purpose, round)
        };
        let answers = race(THREADS, |racer| {
            store.write(|r| {
                let taken = r.keys().insert(&key(racer))?;
                r.events().append(&sample::event(round * 100 + number(racer)))?;
                Ok(taken)
            })
        });
        assert_eq!(wins(&answers), 1, "round {round}");
        expected.extend(answers.iter().position(|won| *won).map(key));
        assert_eq!(store.read(|r| r.keys().list(purpose)), expected);
        assert_eq!(
            store.log().len(),
            THREADS * usize::try_from(round).expect("a small number")
        );
    }
}

/// Of several setup tokens issued at once exactly one is stored.
pub fn concurrent_setup_token_offers_have_one_winner(store: &dyn StoreUnderTest) {
    let digest = |racer: usize| [u8::try_from(racer).expect("few threads"); 32];
    let answers = race(THREADS, |racer| {
        store.write(|r| r.setup().offer_token(&digest(racer)))
    });
    assert_eq!(wins(&answers), 1);
    let winner = answers.iter().position(|won| *won).map(digest);
    assert_eq!(store.read(|r| r.setup().state()).token_digest, winner);
}

/// Of several completions of setup exactly one succeeds, and creates the only administrator.
pub fn concurrent_setup_completions_have_one_winner(store: &dyn StoreUnderTest) {
    assert!(store.write(|r| r.setup().offer_token(&[1; 32])));
    let answers = race(THREADS, |racer| {
        store.write(|r| {
            if !r.setup().complete(START)? {
                return Ok(false);
            }
            let inserted = r
                .users()
                .insert(&sample::admin(number(racer)), &sample::digest("digest"))?;
            assert_eq!(inserted, Outcome::Done(()));
            Ok(true)
        })
    });
    assert_eq!(wins(&answers), 1);
    assert_eq!(store.write(|r| r.users().count_active_admins()), 1);
}

/// Two administrators demote each other concurrently, in every round. `demote` receives the user to demote, and returns
/// whether the demotion was committed.
fn assert_one_administrator_stays(
    store: &dyn StoreUnderTest,
    demote: impl Fn(&mut dyn Repositories, UserId) -> StoreResult<bool> + Sync,
) {
    for round in 0..ROUNDS {
        let admins = [2 * round, 2 * round + 1].map(sample::admin);
        for admin in &admins {
            store.keep(admin);
        }
        let answers = race(2, |racer| {
            let other = admins.get(1 - racer).map(|admin| admin.id);
            store.write(|r| demote(r, other.expect("two administrators")))
        });
        assert_eq!(wins(&answers), 1, "round {round}");
        assert_eq!(
            store.write(|r| r.users().count_active_admins()),
            1,
            "round {round}"
        );
        for admin in &admins {
            assert!(store.write(|r| r.users().delete(admin.id)));
        }
    }
}

/// If administrators demote each other concurrently, one is kept: here the transaction counts before it locks.
pub fn the_last_administrator_is_kept_when_counted_first(store: &dyn StoreUnderTest) {
    assert_one_administrator_stays(store, |r, other| {
        let is_last = r.users().count_active_admins()? < 2;
        let Some(mut user) = r.users().lock(other)? else {
            return Ok(false);
        };
        thread::sleep(MOMENT);
        Ok(!is_last && user.set_roles(Roles::user(), START) && r.users().update(&user)?)
    });
}

/// The same if it locks before it counts: a waiting transaction counts what is left then, not what there was when it
/// began.
pub fn the_last_administrator_is_kept_when_locked_first(store: &dyn StoreUnderTest) {
    assert_one_administrator_stays(store, |r, other| {
        let Some(mut user) = r.users().lock(other)? else {
            return Ok(false);
        };
        thread::sleep(MOMENT);
        let is_last = r.users().count_active_admins()? < 2;
        thread::sleep(MOMENT);
        Ok(!is_last && user.set_roles(Roles::user(), START) && r.users().update(&user)?)
    });
}

/// A login concurrent with a deletion leaves no session: it fails, or its session is deleted too.
pub fn no_session_outlives_its_user(store: &dyn StoreUnderTest) {
    for round in 0..ROUNDS {
        let user = store.keep_user(round);
        race(4, |racer| {
            if racer == 0 {
                assert!(store.write(|r| r.users().delete(user.id)), "round {round}");
                return;
            }
            let session = sample::session(round * 100 + number(racer), user.id);
            // Either result is correct; only the final state counts.
            let _ = store.store().transaction(|r| r.sessions().insert(&session));
        });
        for racer in 1..4 {
            let session = sample::session(round * 100 + number(racer), user.id);
            assert_eq!(store.session(session.id), None, "round {round}");
        }
    }
}
