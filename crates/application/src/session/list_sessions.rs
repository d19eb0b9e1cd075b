//! Seeing where somebody is logged in.

use doorward_domain::access::{Granted, GrantedUser, ManageOwnAccount, ReadUsers};
use doorward_domain::id::UserId;
use doorward_domain::session::{Session, SessionPolicy};
use doorward_domain::store::{Repositories, Transactions, UnitOfWork};
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::time::Timestamp;

/// The most sessions listed: the most recently used ones.
const MAX_LISTED: u32 = 100;

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListSessionsError {
    /// There is no such user.
    #[error("there is no such user")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lists live sessions, the most recently used first.
pub struct ListSessions<'a> {
    /// Where sessions are kept.
    pub store: &'a dyn UnitOfWork,
    /// Tells live sessions from others.
    pub policy: &'a SessionPolicy,
}

impl ListSessions<'_> {
    /// The sessions of the caller.
    pub fn own(&self, caller: &GrantedUser<ManageOwnAccount>, now: Timestamp) -> StoreResult<Vec<Session>> {
        self.store
            .snapshot(|repos| self.live(repos, caller.user_id(), now))
    }

    /// The sessions of some user, on behalf of an administrator.
    pub fn of_user(
        &self,
        _admin: &Granted<ReadUsers>,
        user: UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, ListSessionsError> {
        self.store.snapshot(|repos| match repos.users().find(user)? {
            Some(_) => Ok(self.live(repos, user, now)?),
            None => Err(ListSessionsError::NotFound),
        })
    }

    fn live(&self, repos: &mut dyn Repositories, user: UserId, now: Timestamp) -> StoreResult<Vec<Session>> {
        let mut sessions = repos.sessions().list_unended(user, now, MAX_LISTED)?;
        sessions.retain(|session| session.is_live(self.policy, now));
        Ok(sessions)
    }
}
