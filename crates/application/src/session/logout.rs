//! Logout.

use secrecy::{ExposeSecret, SecretString};

use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::session::EndReason;
use doorward_domain::session::RefreshTokens;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;

/// Ends the session of a refresh token.
pub struct Logout<'a> {
    /// Stores the sessions.
    pub store: &'a dyn UnitOfWork,
    /// Parses and authenticates refresh tokens.
    pub refresh_tokens: &'a dyn RefreshTokens,
    /// Generates the ids of audit events.
    pub entropy: &'a dyn Entropy,
}

impl Logout<'_> {
    /// Ends the session, if the token is one of its tokens, current or not. Succeeds also for a token that is unknown,
    /// expired or of an ended session: the client is logged out either way.
    pub fn execute(&self, token: &SecretString, context: &RequestContext) -> StoreResult<()> {
        let Some(presented) = self.refresh_tokens.open(token.expose_secret()) else {
            return Ok(());
        };
        self.store.transaction(|repos| {
            let Some(session) = repos.sessions().find(presented.session_id)? else {
                return Ok(());
            };
            if !self.refresh_tokens.is_authentic(&presented, &session) {
                return Ok(());
            }
            let event = Event::new(
                EventKind::SessionEnded,
                EventOutcome::Success,
                context,
                self.entropy,
            )
            .of(session.user_id)
            .in_session(session.id)
            .with("reason", EndReason::LoggedOut.as_str());
            repos
                .revocations()
                .end_session(session.id, EndReason::LoggedOut, &event)?;
            Ok(())
        })
    }
}
