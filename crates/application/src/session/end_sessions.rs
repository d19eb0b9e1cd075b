//! Ending sessions without their refresh tokens.

use doorward_domain::access::{GrantedUser, ManageOwnAccount, ManageUsers};
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::{SessionId, UserId};
use doorward_domain::session::{EndReason, SessionPolicy};
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::{StoreError, StoreResult};

use crate::Administrator;
use crate::session::revoke::end_all;

/// Why no session was ended.
#[derive(Debug, thiserror::Error)]
pub enum EndSessionError {
    /// The session does not exist or has ended, or the user does not exist.
    #[error("session not found")]
    NotFound,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Ends every session of the caller.
pub struct LogoutEverywhere<'a> {
    /// Stores the sessions.
    pub store: &'a dyn UnitOfWork,
    /// Generates the ids of audit events.
    pub entropy: &'a dyn Entropy,
}

impl LogoutEverywhere<'_> {
    /// Ends all of them, including the current one.
    pub fn execute(
        &self,
        caller: &GrantedUser<ManageOwnAccount>,
        context: &RequestContext,
    ) -> StoreResult<()> {
        let user = caller.user_id();
        let event = Event::new(
            EventKind::SessionEnded,
            EventOutcome::Success,
            context,
            self.entropy,
        )
        .in_session(caller.principal().session_id());
        self.store.transaction(|repos| {
            end_all(
                repos,
                user,
                None,
                EndReason::LoggedOutEverywhere,
                event.clone(),
                context,
            )
        })
    }
}

/// Ends one session of the caller, given by its id.
pub struct EndSession<'a> {
    /// Stores the sessions.
    pub store: &'a dyn UnitOfWork,
    /// Determines which sessions are live.
    pub policy: &'a SessionPolicy,
    /// Generates the ids of audit events.
    pub entropy: &'a dyn Entropy,
}

impl EndSession<'_> {
    /// Ends the session. The session of another user is not found, like one that has ended.
    pub fn execute(
        &self,
        caller: &GrantedUser<ManageOwnAccount>,
        session: SessionId,
        context: &RequestContext,
    ) -> Result<(), EndSessionError> {
        let user = caller.user_id();
        let event = Event::new(
            EventKind::SessionEnded,
            EventOutcome::Success,
            context,
            self.entropy,
        )
        .of(user)
        .in_session(session)
        .with("reason", EndReason::EndedByUser.as_str());
        self.store.transaction(|repos| {
            let found = repos.sessions().find(session)?;
            let is_own =
                found.is_some_and(|found| found.user_id == user && found.is_live(self.policy, context.now));
            let is_ended = is_own
                && repos
                    .revocations()
                    .end_session(session, EndReason::EndedByUser, &event)?;
            if is_ended {
                Ok(())
            } else {
                Err(EndSessionError::NotFound)
            }
        })
    }
}

/// Ends every session of the caller except the current one.
pub struct EndOtherSessions<'a> {
    /// Stores the sessions.
    pub store: &'a dyn UnitOfWork,
    /// Generates the ids of audit events.
    pub entropy: &'a dyn Entropy,
}

impl EndOtherSessions<'_> {
    /// Ends the sessions and revokes their access tokens.
    pub fn execute(
        &self,
        caller: &GrantedUser<ManageOwnAccount>,
        context: &RequestContext,
    ) -> StoreResult<()> {
        let (user, own) = (caller.user_id(), caller.principal().session_id());
        let event = Event::new(
            EventKind::SessionEnded,
            EventOutcome::Success,
            context,
            self.entropy,
        )
        .in_session(own);
        self.store.transaction(|repos| {
            end_all(
                repos,
                user,
                Some(own),
                EndReason::EndedByUser,
                event.clone(),
                context,
            )
        })
    }
}

/// Ends every session of a user.
pub struct EndUserSessions<'a> {
    /// Stores the sessions.
    pub store: &'a dyn UnitOfWork,
    /// Generates the ids of audit events.
    pub entropy: &'a dyn Entropy,
}

impl EndUserSessions<'_> {
    /// Ends the sessions and revokes their access tokens.
    pub fn execute<'b>(
        &self,
        admin: impl Into<Administrator<'b, ManageUsers>>,
        user: UserId,
        context: &RequestContext,
    ) -> Result<(), EndSessionError> {
        let event = Event::new(
            EventKind::SessionEnded,
            EventOutcome::Success,
            context,
            self.entropy,
        );
        let event = admin.into().sign(event);
        self.store.transaction(|repos| {
            if repos.users().lock(user)?.is_none() {
                return Err(EndSessionError::NotFound);
            }
            Ok(end_all(
                repos,
                user,
                None,
                EndReason::EndedByAdmin,
                event.clone(),
                context,
            )?)
        })
    }
}
