//! What fails inside a transaction: that it is told truly, and that nothing of it is kept.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use doorward_domain::account::PasswordDigest;
use doorward_domain::key::KeyPurpose;
use doorward_domain::session::EndReason;
use doorward_domain::store::{Transactions, UnitOfWork, Verdict};
use doorward_domain::store_error::StoreError;
use doorward_testkit::sample::{self, START};

use crate::support::{keep_user, on_each};

/// `PostgreSQL` would answer the commit of a failed transaction with success, and have rolled it back.
#[test]
fn a_failure_that_is_overlooked_is_not_committed() {
    on_each(|database| {
        let store = database.open();
        let outcome = store.write(&mut |r| {
            r.users()
                .insert(&sample::user(1), &sample::digest("digest"))
                .expect("an account");
            // Of nobody's, which the foreign key forbids.
            let orphan = sample::session(1, sample::user(9).id);
            assert!(r.sessions().insert(&orphan).is_err());
            assert!(
                r.users().find(sample::user(1).id).is_err(),
                "no statement after a failed one"
            );
            Verdict::Commit
        });
        assert!(outcome.is_err());
        let found = store.snapshot(|r| r.users().find(sample::user(1).id));
        assert_eq!(found, Ok::<_, StoreError>(None));
    });
}

#[test]
fn a_reading_transaction_writes_nothing() {
    on_each(|database| {
        let store = database.open();
        let user = keep_user(&store, 1);
        let outcome = store.snapshot(|r| r.users().delete(user.id));
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
        let outcome = store.snapshot(|r| r.users().lock(user.id));
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
        assert_eq!(
            store.snapshot(|r| r.users().find(user.id)),
            Ok::<_, StoreError>(Some(user))
        );
    });
}

/// Two accounts locked in opposite orders: `PostgreSQL` ends one of the transactions, which is run again.
#[test]
fn a_deadlock_is_run_again() {
    on_each(|database| {
        let store = database.open();
        let (one, other) = (keep_user(&store, 1).id, keep_user(&store, 2).id);
        let (both_hold, runs) = (Barrier::new(2), AtomicU32::new(0));
        let postgres = !database.parsed_url().is_sqlite();
        let lock_both = |first, second| {
            let mut first_run = true;
            let done: Result<(), StoreError> = store.transaction(|r| {
                runs.fetch_add(1, Ordering::SeqCst);
                r.users().lock(first)?;
                // On SQLite the one is not let in before the other has left.
                if first_run && postgres {
                    both_hold.wait();
                }
                first_run = false;
                r.users().lock(second).map(drop)
            });
            done.expect("both locks in the end");
        };
        thread::scope(|scope| {
            scope.spawn(|| lock_both(one, other));
            scope.spawn(|| lock_both(other, one));
        });
        assert_eq!(runs.into_inner() > 2, postgres);
    });
}

#[test]
fn a_row_that_cannot_be_is_named_and_not_quoted() {
    on_each(|database| {
        let store = database.open();
        let user = keep_user(&store, 1);
        let session = sample::session(1, user.id);
        let kept: Result<(), StoreError> = store.transaction(|r| {
            r.sessions().insert(&session)?;
            r.sessions().end(session.id, EndReason::LoggedOut, START)?;
            r.keys()
                .insert(&sample::key(KeyPurpose::AccessSigning, 1))
                .map(drop)
        });
        kept.expect("a session and a key");
        database.execute("UPDATE sessions SET end_reason = 'hunter2'");
        let found = store.snapshot(|r| r.sessions().find(session.id));
        let expected = StoreError::Corrupt(format!("sessions.end_reason of {}", session.id));
        assert_eq!(found, Err(expected));

        database.execute("UPDATE user_roles SET role = 'Hunter2'");
        let found = store.snapshot(|r| r.users().find(user.id));
        assert_eq!(
            found,
            Err(StoreError::Corrupt(format!("user_roles.role of {}", user.id)))
        );

        // Another address than the one by which the account is found.
        database.execute("UPDATE users SET email = 'hunter2@example.org'");
        let found = store.snapshot(|r| {
            r.users()
                .find_credentials_by_email(user.email.canonical())
                .map(drop)
        });
        assert_eq!(
            found,
            Err(StoreError::Corrupt(format!(
                "users.email_canonical of {}",
                user.id
            )))
        );
    });
}

#[test]
fn a_nul_character_is_refused_before_it_reaches_the_database() {
    on_each(|database| {
        let store = database.open();
        let user = keep_user(&store, 1);
        let session = sample::session(1, user.id);
        let mut named = session.clone();
        named.user_agent = Some("a\0b".to_owned());
        let mut event = sample::event(1);
        event.request_id = "a\0b".to_owned();
        let mut key = sample::key(KeyPurpose::AccessSigning, 1);
        key.algorithm = "a\0b".to_owned();
        let first = doorward_domain::account::PasswordVersion::FIRST;
        let outcomes: [Result<(), StoreError>; 5] = [
            store.transaction(|r| r.sessions().insert(&named)),
            store.transaction(|r| {
                r.sessions().insert(&session)?;
                r.sessions()
                    .rotate(session.id, session.generation, START, None, Some("a\0b"))
                    .map(drop)
            }),
            store.transaction(|r| r.events().append(&event)),
            store.transaction(|r| r.keys().insert(&key).map(drop)),
            store.transaction(|r| {
                let digest = PasswordDigest::new("a\0b".to_owned());
                r.users().set_digest(user.id, &digest, first, first).map(drop)
            }),
        ];
        for outcome in outcomes {
            assert!(matches!(outcome, Err(StoreError::Corrupt(_))), "{outcome:?}");
        }
        // In particulars it is escaped, and allowed.
        let event = sample::event(2).with("a\0b", "c\0d");
        let kept: Result<(), StoreError> = store.transaction(|r| r.events().append(&event));
        assert_eq!(kept, Ok(()));
        assert_eq!(database.events(), [event]);
    });
}
