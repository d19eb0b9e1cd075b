//! The list of live sessions.

use doorward_domain::access::{Granted, GrantedUser, ManageOwnAccount, ReadUsers};
use doorward_domain::id::UserId;
use doorward_domain::session::{Session, SessionPolicy};
use doorward_domain::store::{Repositories, Transactions, UnitOfWork};
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::time::Timestamp;

/// The maximum number of listed sessions; the most recently used ones are listed.
const MAX_LISTED: u32 = 100;

/// Why no list is returned.
#[derive(Debug, thiserror::Error)]
pub enum ListSessionsError {
    /// The user does not exist.
    #[error("user not found")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lists live sessions, the most recently used first. Times of last use are cut to the minute: the exact ones would show
/// a thief with a stolen token when the owner refreshes, and so when to repeat it. Times of creation are cut too, so that no
/// session seems to have been used before it was created.
pub struct ListSessions<'a> {
    /// Stores the sessions.
    pub store: &'a dyn UnitOfWork,
    /// Determines which sessions are live.
    pub policy: &'a SessionPolicy,
}

impl ListSessions<'_> {
    /// The sessions of the caller.
    pub fn own(&self, caller: &GrantedUser<ManageOwnAccount>, now: Timestamp) -> StoreResult<Vec<Session>> {
        self.store
            .single_read(|repos| self.live(repos, caller.user_id(), now))
    }

    /// The sessions of a user, on behalf of an administrator.
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
        for session in &mut sessions {
            session.created_at = session.created_at.cut_to_minutes();
            session.last_used_at = session.last_used_at.cut_to_minutes();
        }
        Ok(sessions)
    }
}
