//! Staying logged in.

use core::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use doorward_domain::account::User;
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::outcome::Outcome;
use doorward_domain::session::{Decision, EndReason, Generation, PresentedRefreshToken, Session, decide};
use doorward_domain::store::{Repositories, Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;
use doorward_domain::time::Timestamp;
use doorward_domain::token::SigningError;

use crate::session::revoke::end_session;
use crate::{TokenIssuer, TokenPair};

/// How often a rotation that somebody else was faster at is decided again. Each time means that the session moved on, and
/// whoever presented one token cannot lose twice to holders of the same; the bound only keeps a fault from looping.
const MAX_ROUNDS: usize = 4;

/// How long after its date a rotation is still committed. A store that was frozen in the middle may go on when the client
/// has long given up; a rotation that nobody learns of would turn the client's next try into a replay.
const MAX_ROTATION: Duration = Duration::from_secs(3);

/// Why an account that is disabled or gone gets no tokens, as the audit log tells it.
const INACTIVE: &str = "account-disabled";

/// Brings the next pair of tokens to whoever holds the session's refresh token.
pub struct Refresh<'a> {
    /// Where sessions are kept.
    pub store: &'a dyn UnitOfWork,
    /// Makes the tokens.
    pub issuer: TokenIssuer<'a>,
    /// Tells the time while a transaction is under way. A rotation is dated when the session has been *read*, not when it
    /// was asked for: a store that answers late must not use up the grace window of a client that is still waiting.
    pub clock: &'a dyn Fn() -> Timestamp,
}

/// Why there are no new tokens.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token is unknown, expired, ended or replayed. Which it is, is not told.
    #[error("the refresh token is not valid")]
    InvalidRefreshToken,
    /// The tokens could not be signed.
    #[error(transparent)]
    Sign(#[from] SigningError),
    /// The store failed. The session is as it was: the same token can be presented again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refresh<'_> {
    /// Rotates the session, or answers a retry with the same successor, or finds a replay out and ends the session.
    pub fn execute(&self, token: &SecretString, context: &RequestContext) -> Result<TokenPair, RefreshError> {
        let presented = self
            .issuer
            .refresh_tokens
            .open(token.expose_secret())
            .ok_or(RefreshError::InvalidRefreshToken)?;
        // A refusal is a value here: the end of a replayed session commits although its holder is turned away.
        let outcome = self.store.transaction(|repos| {
            for _ in 0..MAX_ROUNDS {
                if let Some(outcome) = self.decide_once(repos, &presented, context)? {
                    return Ok(outcome);
                }
            }
            Err(StoreError::Unavailable("the session kept moving on".to_owned()))
        })?;
        let (user, session, now) = *outcome.into_result()?;
        Ok(self.issuer.issue(user, &session, now)?)
    }

    /// Decides once and acts on it; `None` when somebody else was faster and it has to be decided again.
    fn decide_once(
        &self,
        repos: &mut dyn Repositories,
        presented: &PresentedRefreshToken,
        context: &RequestContext,
    ) -> Result<Option<Outcome<Current, RefreshError>>, StoreError> {
        let Some((session, user)) = repos.sessions().find_with_user(presented.session_id)? else {
            return Ok(Some(Outcome::Refused(RefreshError::InvalidRefreshToken)));
        };
        if !self.issuer.refresh_tokens.is_authentic(presented, &session) {
            return Ok(Some(Outcome::Refused(RefreshError::InvalidRefreshToken)));
        }
        let context = &RequestContext {
            now: (self.clock)(),
            ..context.clone()
        };
        match decide(&session, presented.generation, context.now, self.issuer.policy) {
            Decision::Refuse(refusal) => self.refuse(repos, &session, refusal.as_str(), context).map(Some),
            Decision::Replay => self
                .end_replayed(repos, &session, presented.generation, context)
                .map(Some),
            // Roles and status are the store's, never copied from an old token.
            Decision::Repeat { .. } | Decision::Rotate { .. } if !user.is_active() => {
                self.refuse(repos, &session, INACTIVE, context).map(Some)
            }
            Decision::Repeat { .. } => Ok(Some(Outcome::Done(Box::new((user, session, context.now))))),
            Decision::Rotate { from, to } => self.rotate(repos, user, session, (from, to), context),
        }
    }

    /// Remembers that a token which was really one of the session's was turned away.
    fn refuse(
        &self,
        repos: &mut dyn Repositories,
        session: &Session,
        reason: &str,
        context: &RequestContext,
    ) -> Result<Outcome<Current, RefreshError>, StoreError> {
        let event = self.event(
            EventKind::SessionRefreshed,
            EventOutcome::Failure,
            session,
            context,
        );
        repos.events().append(&event.with("reason", reason))?;
        Ok(Outcome::Refused(RefreshError::InvalidRefreshToken))
    }

    fn event(
        &self,
        kind: EventKind,
        outcome: EventOutcome,
        session: &Session,
        context: &RequestContext,
    ) -> Event {
        Event::new(kind, outcome, context, self.issuer.entropy)
            .of(session.user_id)
            .in_session(session.id)
    }

    fn rotate(
        &self,
        repos: &mut dyn Repositories,
        user: User,
        session: Session,
        (from, to): (Generation, Generation),
        context: &RequestContext,
    ) -> Result<Option<Outcome<Current, RefreshError>>, StoreError> {
        let (now, ip, user_agent) = (context.now, context.ip, context.user_agent.as_deref());
        if !repos.sessions().rotate(session.id, from, now, ip, user_agent)? {
            return Ok(None);
        }
        if (self.clock)().since(now) > MAX_ROTATION {
            return Err(StoreError::Unavailable(
                "the rotation took too long to be of use".to_owned(),
            ));
        }
        if session.ip != ip || session.user_agent.as_deref() != user_agent {
            // A session that turns up elsewhere is worth an entry; one that goes on where it was is not.
            let event = self.event(
                EventKind::SessionRefreshed,
                EventOutcome::Success,
                &session,
                context,
            );
            repos.events().append(&event)?;
        }
        let rotated = Session {
            generation: to,
            rotated_at: now,
            last_used_at: now,
            ip,
            user_agent: context.user_agent.clone(),
            ..session
        };
        Ok(Some(Outcome::Done(Box::new((user, rotated, now)))))
    }

    fn end_replayed(
        &self,
        repos: &mut dyn Repositories,
        session: &Session,
        presented: Generation,
        context: &RequestContext,
    ) -> Result<Outcome<Current, RefreshError>, StoreError> {
        if end_session(repos, session.id, EndReason::Replayed, context.now)? {
            let event = self
                .event(
                    EventKind::SessionReplayed,
                    EventOutcome::Failure,
                    session,
                    context,
                )
                .with("presented_generation", presented.get().to_string())
                .with("current_generation", session.generation.get().to_string());
            repos.events().append(&event)?;
        }
        Ok(Outcome::Refused(RefreshError::InvalidRefreshToken))
    }
}

/// The user and session to issue tokens for, as of this instant.
type Current = Box<(User, Session, Timestamp)>;
