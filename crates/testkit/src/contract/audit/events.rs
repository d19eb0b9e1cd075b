//! The contract of `EventLog`.

use doorward_domain::session::EndReason;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreError;

use crate::contract::StoreUnderTest;
use crate::sample::{self, START};

/// An event is committed together with the change that it records.
pub fn an_event_commits_with_its_change(store: &dyn StoreUnderTest) {
    let session = sample::session(1, store.keep_user(1).id);
    store.keep_session(&session);
    let event = sample::event(1).of(session.user_id).in_session(session.id);
    store.write(|r| {
        r.sessions()
            .end_all(session.user_id, None, EndReason::Replayed, START)?;
        r.events().append(&event)
    });
    assert_eq!(store.log(), [event]);
    assert!(
        store
            .session(session.id)
            .is_some_and(|session| session.ended.is_some())
    );
}

/// An event is rolled back together with its change.
pub fn an_event_is_rolled_back_with_its_change(store: &dyn StoreUnderTest) {
    let outcome: Result<(), StoreError> = store.store().transaction(|r| {
        r.events().append(&sample::event(1))?;
        Err(StoreError::Unavailable("a change that failed".to_owned()))
    });
    assert!(outcome.is_err());
    assert_eq!(store.log(), []);
}

/// Events keep the ids of deleted accounts and sessions, and of those that never existed.
pub fn an_event_outlives_its_user_and_session(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let session = sample::session(1, user.id);
    store.keep_session(&session);
    let before = sample::event(1).of(user.id).by(user.id).in_session(session.id);
    store.write(|r| r.events().append(&before));
    let deletion = sample::event(2).of(user.id).by(user.id);
    store.write(|r| {
        r.users().delete(user.id)?;
        r.events().append(&deletion)
    });
    let missing = sample::user(9).id;
    let unknown = sample::event(3)
        .of(missing)
        .by(missing)
        .in_session(sample::session(9, missing).id);
    store.write(|r| r.events().append(&unknown));
    assert_eq!(store.log(), [before, deletion, unknown]);
}
