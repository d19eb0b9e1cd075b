//! Commit, rollback and visibility.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use doorward_domain::account::UserFilter;
use doorward_domain::account::{PasswordVersion, User, UserStatus};
use doorward_domain::attempt::{AttemptKey, AttemptRecord, RecentAttempts};
use doorward_domain::audit::Event;
use doorward_domain::key::{KeyPurpose, SealedKey};
use doorward_domain::mail::{Delivery, DeliveryState, OutboxLine};
use doorward_domain::outcome::Outcome;
use doorward_domain::password::PepperId;
use doorward_domain::session::{EndReason, Generation, Session};
use doorward_domain::setup::SetupState;
use doorward_domain::store::{Repositories, Transactions, Verdict};
use doorward_domain::store_error::{StoreError, StoreResult};

use crate::contract::StoreUnderTest;
use crate::contract::store::threads::on_another_thread;
use crate::sample::{self, START};

const KEPT: AttemptKey = AttemptKey::from_bytes([1; 32]);
const NEW: AttemptKey = AttemptKey::from_bytes([2; 32]);
const RECORD: AttemptRecord = AttemptRecord {
    failures: 1,
    recent: RecentAttempts::at_once(1),
    last_at: START,
};

/// Everything that can be read from a store filled by [`fill`].
#[derive(Debug, PartialEq)]
struct Everything {
    users: Vec<User>,
    digests: Vec<Option<(String, PasswordVersion)>>,
    sessions: Vec<Option<Session>>,
    attempts: Vec<Option<AttemptRecord>>,
    networks: Vec<AttemptKey>,
    keys: Vec<SealedKey>,
    pepper: Option<PepperId>,
    setup: SetupState,
    mails: Vec<OutboxLine>,
    events: Vec<Event>,
}

/// Inserts something of each kind.
fn fill(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    store.keep_user(3);
    store.keep_session(&sample::session(1, user.id));
    store.keep_session(&sample::session(3, user.id));
    store.write(|r| {
        r.attempts().replace(&KEPT, None, Some(&RECORD))?;
        r.networks().note(&[(KEPT, START)], &KEPT)?;
        r.events().append(&sample::event(1))?;
        r.keys().insert(&sample::key(KeyPurpose::AccessSigning, 1))?;
        r.outbox().enqueue(&sample::mail(1, &user))?;
        r.outbox().enqueue(&sample::mail(3, &sample::user(3)))?;
        r.setup().offer_token(&[1; 32])
    });
}

/// Writes with every writing statement, in a filled store.
fn change_everything(r: &mut dyn Repositories) -> StoreResult<()> {
    let new = sample::user(2);
    assert_eq!(r.users().insert(&new, &sample::digest("new"))?, Outcome::Done(()));
    if let Some(mut user) = r.users().lock(sample::user(1).id)? {
        user.set_status(UserStatus::Disabled, START);
        user.set_roles(sample::roles(&["admin", "billing"]), START);
        r.users().update(&user)?;
    }
    let first = PasswordVersion::FIRST;
    r.users().set_digest(
        sample::user(1).id,
        &sample::digest("changed"),
        first,
        first.next(),
    )?;
    r.users().delete(sample::user(3).id)?;
    let session = sample::session(1, new.id);
    r.sessions().insert(&sample::session(2, new.id))?;
    r.sessions()
        .rotate(session.id, Generation::FIRST, START, None, None)?;
    r.sessions().count_repeat(session.id, Generation::new(1))?;
    r.revocations().end_session(
        session.id,
        EndReason::LoggedOut,
        &sample::end_event(session.id, START),
    )?;
    r.sessions()
        .end_all(sample::user(1).id, None, EndReason::EndedByAdmin, START)?;
    r.attempts().forget(&KEPT)?;
    r.attempts().replace(&NEW, None, Some(&RECORD))?;
    r.networks().keep(&KEPT, 0)?;
    r.networks().note(&[(NEW, START)], &KEPT)?;
    r.events().append(&sample::event(2))?;
    r.keys().insert(&sample::key(KeyPurpose::AccessSigning, 2))?;
    r.setup().withdraw_configured_token()?;
    r.setup().replace_token(&[2; 32], true)?;
    r.peppers().record_pepper(Some(PepperId::from_bytes([2; 8])))?;
    let mail = sample::mail(2, &new);
    r.outbox().enqueue(&mail)?;
    let leased = Delivery {
        state: DeliveryState::Leased,
        attempt: 1,
        expires_at: mail.expires_at,
    };
    let queued = Delivery {
        state: DeliveryState::Queued,
        attempt: 0,
        ..leased
    };
    r.outbox()
        .settle(sample::mail(1, &new).mail.id, &queued, &leased, None)?;
    r.setup().complete(START)?;
    Ok(())
}

fn everything(store: &dyn StoreUnderTest) -> Everything {
    let user = sample::user(1).id;
    let mut everything = store.write(|r| {
        let mut digests = Vec::new();
        for number in 1..=3 {
            let credentials = r.users().find_credentials(sample::user(number).id)?;
            digests.push(credentials.map(|found| (found.digest.expose().to_owned(), found.password_version)));
        }
        let mut sessions = Vec::new();
        for number in 1..=3 {
            sessions.push(r.sessions().find(sample::session(number, user).id)?);
        }
        Ok(Everything {
            users: r.users().page(&UserFilter::default(), None, 100)?,
            digests,
            sessions,
            attempts: vec![r.attempts().find(&KEPT)?, r.attempts().find(&NEW)?],
            networks: r.networks().list(&KEPT)?,
            keys: r.keys().list(KeyPurpose::AccessSigning)?,
            pepper: r.peppers().pepper()?,
            setup: r.setup().state()?,
            mails: r.outbox().latest(10)?,
            events: Vec::new(),
        })
    });
    everything.events = store.log();
    everything
}

/// A new store is ready and empty.
pub fn a_fresh_store_is_ready_and_empty(store: &dyn StoreUnderTest) {
    assert_eq!(store.store().check(), Ok(()));
    assert_eq!(
        store.read(|r| r.users().page(&UserFilter::default(), None, 10)),
        []
    );
    assert_eq!(store.write(|r| r.users().count_active_admins()), 0);
    for purpose in [KeyPurpose::AccessSigning, KeyPurpose::RefreshSealing] {
        assert_eq!(store.read(|r| r.keys().list(purpose)), []);
    }
    assert_eq!(store.read(|r| r.setup().state()), SetupState::default());
    assert_eq!(store.log(), []);
}

/// `Commit` keeps all writes.
pub fn a_commit_keeps_everything(store: &dyn StoreUnderTest) {
    fill(store);
    let before = everything(store);
    let outcome = store.store().write(&mut |r| {
        change_everything(r).expect("statements that succeed");
        Verdict::Commit
    });
    assert_eq!(outcome, Ok(()));
    let after = everything(store);
    assert_eq!(
        after.users.iter().map(|user| user.id).collect::<Vec<_>>(),
        [1, 2].map(|n| sample::user(n).id)
    );
    assert_ne!(after.users.first(), before.users.first());
    assert!(
        after
            .digests
            .iter()
            .zip(&before.digests)
            .all(|(after, before)| after != before)
    );
    assert!(
        after
            .sessions
            .iter()
            .zip(&before.sessions)
            .all(|(after, before)| after != before)
    );
    assert_eq!(after.attempts, [None, Some(RECORD)]);
    assert_eq!(after.networks, [NEW]);
    assert_eq!(after.keys.len(), 2);
    assert_ne!(after.pepper, before.pepper);
    assert_eq!(
        after.setup,
        SetupState {
            completed_at: Some(START),
            ..SetupState::default()
        }
    );
    let end = sample::end_event(sample::session(1, sample::user(1).id).id, START);
    assert_eq!(after.events, [end, sample::event(1), sample::event(2)]);
}

/// `RollBack` discards all writes, and is no failure.
pub fn a_rollback_discards_everything(store: &dyn StoreUnderTest) {
    fill(store);
    let before = everything(store);
    let outcome = store.store().write(&mut |r| {
        change_everything(r).expect("statements that succeed");
        Verdict::RollBack
    });
    assert_eq!(outcome, Ok(()));
    assert_eq!(everything(store), before);
}

/// Through [`Transactions`], `Ok` commits; `Err` rolls back and is returned unchanged.
pub fn ok_commits_and_err_rolls_back(store: &dyn StoreUnderTest) {
    #[derive(Debug, PartialEq)]
    enum TestRefusal {
        Refused,
        Store(StoreError),
    }
    impl From<StoreError> for TestRefusal {
        fn from(error: StoreError) -> Self {
            Self::Store(error)
        }
    }

    fill(store);
    let before = everything(store);
    let refused: Result<(), TestRefusal> = store.store().transaction(|r| {
        change_everything(r)?;
        Err(TestRefusal::Refused)
    });
    assert_eq!(refused, Err(TestRefusal::Refused));
    assert_eq!(everything(store), before);

    let done: Result<&str, TestRefusal> = store.store().transaction(|r| {
        change_everything(r)?;
        Ok("a refusal that must be stored")
    });
    assert_eq!(done, Ok("a refusal that must be stored"));
    assert_ne!(everything(store), before);
}

/// A panic commits nothing, and the store stays usable.
pub fn a_panic_rolls_back_and_the_store_stays_usable(store: &dyn StoreUnderTest) {
    fill(store);
    let before = everything(store);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        store.store().write(&mut |r| {
            change_everything(r).expect("statements that succeed");
            // Unlike `panic!` this prints nothing.
            resume_unwind(Box::new("a use case that panics"))
        })
    }));
    assert!(outcome.is_err(), "the panic reaches the caller");
    assert_eq!(everything(store), before);
}

/// A transaction reads its own writes.
pub fn a_transaction_sees_its_own_writes(store: &dyn StoreUnderTest) {
    let user = sample::user(1);
    let (found, renamed, gone) = store.write(|r| {
        assert_eq!(
            r.users().insert(&user, &sample::digest("digest"))?,
            Outcome::Done(())
        );
        let found = r.users().find(user.id)?;
        r.users().lock(user.id)?;
        r.users().update(&User {
            roles: sample::roles(&["billing"]),
            ..user.clone()
        })?;
        let renamed = r.users().find(user.id)?;
        r.users().delete(user.id)?;
        Ok((found, renamed, r.users().find(user.id)?))
    });
    assert_eq!(found, Some(user.clone()));
    assert_eq!(
        renamed,
        Some(User {
            roles: sample::roles(&["billing"]),
            ..user
        })
    );
    assert_eq!(gone, None);
}

/// Uncommitted writes are invisible to others, whose reads do not wait.
pub fn uncommitted_writes_are_invisible_to_others(store: &dyn StoreUnderTest) {
    let user = sample::user(1);
    let seen = store.write(|r| {
        assert_eq!(
            r.users().insert(&user, &sample::digest("digest"))?,
            Outcome::Done(())
        );
        Ok(on_another_thread(|| store.user(user.id)))
    });
    assert_eq!(seen, None);
    assert_eq!(store.user(user.id), Some(user));
}

/// A reading transaction sees one consistent state, whatever others commit meanwhile.
pub fn a_snapshot_sees_one_consistent_state(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let renamed = User {
        roles: sample::roles(&["billing"]),
        ..user.clone()
    };
    let rename = || {
        store.write(|r| {
            r.users().lock(user.id)?;
            r.users().update(&renamed)
        })
    };
    let (before, after) = store.read(|r| {
        let before = r.users().find(user.id)?;
        on_another_thread(rename);
        Ok((before, r.users().find(user.id)?))
    });
    assert_eq!(before, after);
    assert_eq!(store.user(user.id), Some(renamed));
}
