//! The memory store: it satisfies the contract of a store, and its faults work as documented.

use doorward_domain::id::UserId;
use doorward_domain::outcome::Outcome;
use doorward_domain::session::EndReason;
use doorward_domain::store::{Repositories, Transactions, UnitOfWork, Verdict};
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_testkit::{MemoryStore, histories, sample, store_contract};

store_contract!(memory, Ok(MemoryStore::new()));
// A store may rerun the work of a transaction: the cases must not depend on the number of runs.
store_contract!(memory_that_runs_work_again, Ok(rerunning()));

fn rerunning() -> MemoryStore {
    let store = MemoryStore::new();
    store.rerun_writes(true);
    store
}

#[test]
fn histories_match_the_reference() {
    // The store copies its content at every write: many small stores are faster than a growing one.
    for _ in 0..12 {
        histories::check(&MemoryStore::new(), 24, 40);
    }
    for _ in 0..4 {
        histories::check(&rerunning(), 24, 40);
    }
}

#[test]
fn two_concurrent_clients_leave_one_lineage() {
    histories::check_concurrent(&MemoryStore::new(), 128);
}

#[test]
fn jobs_are_neither_lost_nor_run_twice() {
    histories::check_jobs(&MemoryStore::new(), 256, 60);
    histories::check_jobs(&rerunning(), 64, 60);
}

fn outage() -> StoreError {
    StoreError::Unavailable("an outage".to_owned())
}

/// Five statements in one transaction.
fn register(r: &mut dyn Repositories, number: u32) -> StoreResult<UserId> {
    let user = sample::user(number);
    assert_eq!(
        r.users().insert(&user, &sample::digest("digest"))?,
        Outcome::Done(())
    );
    r.users().lock(user.id)?;
    r.sessions().insert(&sample::session(number, user.id))?;
    let session = sample::session(number, user.id).id;
    r.revocations().end_session(
        session,
        EndReason::LoggedOut,
        &sample::end_event(session, sample::START),
    )?;
    r.events().append(&sample::event(number).of(user.id))?;
    Ok(user.id)
}

#[test]
fn no_transaction_begins_while_the_store_is_unavailable() {
    let store = MemoryStore::new();
    store.fail_with(Some(outage()));
    assert_eq!(store.transaction(|r| register(r, 1)), Err(outage()));
    assert_eq!(store.snapshot(|r| r.setup().state()), Err(outage()));
    assert_eq!(store.check(), Err(outage()));
    store.fail_with(None);
    assert_eq!(store.check(), Ok(()));
    assert_eq!(store.transaction(|r| register(r, 1)), Ok(sample::user(1).id));
}

#[test]
fn an_outage_at_any_statement_discards_all_changes() {
    let store = MemoryStore::new();
    for statements in 0..5 {
        store.fail_after(statements, Some(outage()));
        assert_eq!(
            store.transaction(|r| register(r, 1)),
            Err(outage()),
            "after {statements} statements"
        );
        assert_eq!(store.sessions_of(sample::user(1).id), []);
        assert_eq!(store.events(), []);
    }
    store.fail_after(5, Some(outage()));
    assert_eq!(store.transaction(|r| register(r, 1)), Ok(sample::user(1).id));
    assert_eq!(store.events().len(), 2);
    store.fail_after(0, None);
    assert_eq!(store.transaction(|r| register(r, 2)), Ok(sample::user(2).id));
}

#[test]
fn a_use_case_cannot_commit_past_a_failed_statement() {
    let store = MemoryStore::new();
    store.fail_after(1, Some(outage()));
    let outcome = store.write(&mut |r| {
        let first = r.users().insert(&sample::user(1), &sample::digest("digest"));
        assert_eq!(first, Ok(Outcome::Done(())));
        assert!(r.events().append(&sample::event(1)).is_err());
        Verdict::Commit
    });
    assert_eq!(outcome, Err(outage()));
    store.fail_after(0, None);
    assert_eq!(store.snapshot(|r| r.users().find(sample::user(1).id)), Ok(None));
}

#[test]
fn a_failed_commit_discards_all_changes() {
    let store = MemoryStore::new();
    store.fail_commits_with(Some(outage()));
    assert_eq!(store.transaction(|r| register(r, 1)), Err(outage()));
    assert_eq!(
        store.snapshot(|r| r.users().find(sample::user(1).id)),
        Ok(None),
        "reading is unaffected"
    );
    assert_eq!(store.check(), Ok(()));
    store.fail_commits_with(None);
    assert_eq!(store.transaction(|r| register(r, 1)), Ok(sample::user(1).id));
}

#[test]
fn rerun_work_takes_effect_once() {
    let store = MemoryStore::new();
    store.rerun_writes(true);
    let mut runs = 0;
    let outcome = store.transaction(|r| {
        runs += 1;
        register(r, 1)
    });
    assert_eq!((outcome, runs), (Ok(sample::user(1).id), 2));
    // One of the session's end, and one of the user.
    assert_eq!(store.events().len(), 2);
}

#[test]
fn a_reading_transaction_neither_writes_nor_locks() {
    let store = MemoryStore::new();
    let user = sample::user(1);
    assert!(
        store
            .snapshot(|r| r.users().insert(&user, &sample::digest("digest")))
            .is_err()
    );
    assert!(store.snapshot(|r| r.users().lock(user.id)).is_err());
    assert!(store.snapshot(|r| r.users().count_active_admins()).is_err());
    assert!(store.snapshot(|r| r.setup().complete(sample::START)).is_err());
    assert_eq!(store.snapshot(|r| r.users().find(user.id)), Ok(None));
}
