//! The audit log: what `EventLog` promises.

use doorward_domain::session::EndReason;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreError;

use super::StoreUnderTest;
use crate::sample::{self, START};

/// An entry is kept together with the change it tells of.
pub fn an_event_commits_with_its_change(store: &dyn StoreUnderTest) {
    let session = sample::session(1, store.keep_user(1).id);
    store.keep_session(&session);
    let event = sample::event(1).of(session.user_id).in_session(session.id);
    store.write(|r| {
        r.sessions().end(session.id, EndReason::Replayed, START)?;
        r.events().append(&event)
    });
    assert_eq!(store.log(), [event]);
    assert!(
        store
            .session(session.id)
            .is_some_and(|session| session.ended.is_some())
    );
}

/// An entry of a change that is rolled back is not kept.
pub fn an_event_is_rolled_back_with_its_change(store: &dyn StoreUnderTest) {
    let outcome: Result<(), StoreError> = store.store().transaction(|r| {
        r.events().append(&sample::event(1))?;
        Err(StoreError::Unavailable("a change that failed".to_owned()))
    });
    assert!(outcome.is_err());
    assert_eq!(store.log(), []);
}

/// The log tells of accounts and sessions after they are gone, and of those that never were.
pub fn an_event_outlives_whom_it_tells_of(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let session = sample::session(1, user.id);
    store.keep_session(&session);
    let before = sample::event(1).of(user.id).by(user.id).in_session(session.id);
    store.write(|r| r.events().append(&before));
    let farewell = sample::event(2).of(user.id).by(user.id);
    store.write(|r| {
        r.users().delete(user.id)?;
        r.events().append(&farewell)
    });
    let nobody = sample::user(9).id;
    let rumour = sample::event(3)
        .of(nobody)
        .by(nobody)
        .in_session(sample::session(9, nobody).id);
    store.write(|r| r.events().append(&rumour));
    assert_eq!(store.log(), [before, farewell, rumour]);
}
