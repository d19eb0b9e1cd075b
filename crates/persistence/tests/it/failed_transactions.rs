//! Errors inside a transaction: they are reported correctly, and nothing of the transaction is committed.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use doorward_domain::account::PasswordDigest;
use doorward_domain::key::KeyPurpose;
use doorward_domain::outcome::Outcome;
use doorward_domain::session::EndReason;
use doorward_domain::store::{Transactions, UnitOfWork, Verdict};
use doorward_domain::store_error::StoreError;
use doorward_testkit::sample::{self, START};

use crate::support::{insert_user, on_each_database};

/// `PostgreSQL` itself rolls back a failed transaction, but reports its `COMMIT` as successful.
#[test]
fn a_transaction_with_an_ignored_error_is_not_committed() {
    on_each_database(|database| {
        let store = database.open();
        let outcome = store.write(&mut |r| {
            let inserted = r.users().insert(&sample::user(1), &sample::digest("digest"));
            assert_eq!(inserted, Ok(Outcome::Done(())));
            // Of a user who does not exist, which violates the foreign key.
            let orphan = sample::session(1, sample::user(9).id);
            assert!(r.sessions().insert(&orphan).is_err());
            assert!(
                r.users().find(sample::user(1).id).is_err(),
                "no statement runs after a failed one"
            );
            Verdict::Commit
        });
        assert!(outcome.is_err());
        let found = store.snapshot(|r| r.users().find(sample::user(1).id));
        assert_eq!(found, Ok::<_, StoreError>(None));
    });
}

#[test]
fn a_read_only_transaction_cannot_write() {
    on_each_database(|database| {
        let store = database.open();
        let user = insert_user(&store, 1);
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

/// Two accounts are locked in opposite orders: `PostgreSQL` aborts one of the transactions.
#[test]
fn a_deadlocked_transaction_is_retried() {
    on_each_database(|database| {
        let store = database.open();
        let (one, other) = (insert_user(&store, 1).id, insert_user(&store, 2).id);
        let (both_hold, runs) = (Barrier::new(2), AtomicU32::new(0));
        let postgres = !database.parsed_url().is_sqlite();
        let lock_both = |first, second| {
            let mut first_run = true;
            let done: Result<(), StoreError> = store.transaction(|r| {
                runs.fetch_add(1, Ordering::SeqCst);
                r.users().lock(first)?;
                // On SQLite the second transaction starts after the first has ended.
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
fn a_corrupt_row_is_named_but_not_quoted() {
    on_each_database(|database| {
        let store = database.open();
        let user = insert_user(&store, 1);
        let session = sample::session(1, user.id);
        let inserted: Result<(), StoreError> = store.transaction(|r| {
            r.sessions().insert(&session)?;
            r.revocations().end_session(
                session.id,
                EndReason::LoggedOut,
                &sample::end_event(session.id, START),
            )?;
            r.keys()
                .insert(&sample::key(KeyPurpose::AccessSigning, 1))
                .map(drop)
        });
        inserted.expect("a session and a key");
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

        // Differs from the canonical address, by which the account is found.
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
fn a_nul_character_is_rejected_before_it_reaches_the_database() {
    on_each_database(|database| {
        let store = database.open();
        let user = insert_user(&store, 1);
        let session = sample::session(1, user.id);
        let mut named = session.clone();
        named.user_agent = Some("a\0b".to_owned());
        let mut event = sample::event(1);
        event.user_agent = Some("a\0b".to_owned());
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
        // In the details of an event it is escaped, and therefore allowed.
        let event = sample::event(2).with("a\0b", "c\0d");
        let appended: Result<(), StoreError> = store.transaction(|r| r.events().append(&event));
        assert_eq!(appended, Ok(()));
        assert_eq!(database.events(), [event]);
    });
}
