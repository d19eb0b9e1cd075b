//! Refresh: rotation of refresh tokens.

use secrecy::{ExposeSecret, SecretString};

use doorward_domain::account::User;
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::outcome::Outcome;
use doorward_domain::session::{
    Decision, Difference, EndReason, Generation, MAX_ROTATION, PresentedRefreshToken, ReplayCause, Session,
    decide,
};
use doorward_domain::store::{Repositories, Transactions, UnitOfWork};
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::time::Timestamp;
use doorward_domain::token::SigningError;

use crate::{TokenIssuer, TokenPair};

/// How often a rotation is decided again after losing a race to another request. Each time the session has moved on, and
/// a request cannot lose twice to holders of the same token; the bound only prevents an endless loop if that fails.
const MAX_ROUNDS: usize = 4;

/// The reason in the audit log for an account that is disabled.
const INACTIVE: &str = "account-disabled";

/// Issues the next pair of tokens for a refresh token.
pub struct Refresh<'a> {
    /// Stores the sessions.
    pub store: &'a dyn UnitOfWork,
    /// Issues the tokens.
    pub issuer: TokenIssuer<'a>,
    /// Returns the current time inside the transaction. A rotation is dated when the session has been *read*, not when the
    /// request arrived: a slow store must not use up the grace window of a client that is still waiting.
    pub clock: &'a dyn Fn() -> Timestamp,
}

/// Why no tokens were issued.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token is unknown or expired, its session has ended, or it was used before. The client cannot tell which.
    #[error("the refresh token is not valid")]
    InvalidRefreshToken,
    /// The tokens could not be signed.
    #[error(transparent)]
    Sign(#[from] SigningError),
    /// The store failed, or took longer than a client waits. The same token can be presented again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refresh<'_> {
    /// Rotates the session, returns the same successor for a retry, or detects a replay and ends the session.
    pub fn execute(&self, token: &SecretString, context: &RequestContext) -> Result<TokenPair, RefreshError> {
        let presented = self
            .issuer
            .refresh_tokens
            .open(token.expose_secret())
            .ok_or(RefreshError::InvalidRefreshToken)?;
        let started = (self.clock)();
        if let Some(rotated) = self.rotate_directly(&presented, started, context)? {
            let (user, session, now) = *rotated;
            return Ok(self.issuer.issue(user, &session, now)?);
        }
        // A refusal is not an error here: the end of a replayed session is committed.
        let outcome = self.store.transaction(|repos| {
            for _ in 0..MAX_ROUNDS {
                if let Some(outcome) = self.decide_once(repos, &presented, started, context)? {
                    return Ok(outcome);
                }
            }
            Err(StoreError::Unavailable(
                "the session was rotated by other requests repeatedly".to_owned(),
            ))
        })?;
        let (user, session, now) = *outcome.into_result()?;
        Ok(self.issuer.issue(user, &session, now)?)
    }

    /// The current time. Fails when the client of a request that `started` then has probably given up, because the store was
    /// suspended or slow: a rotation that reaches no client would turn its next try into a replay.
    fn time_since(&self, started: Timestamp) -> StoreResult<Timestamp> {
        let now = (self.clock)();
        if now.since(started) > MAX_ROTATION {
            return Err(StoreError::Unavailable(
                "the rotation took longer than a client waits".to_owned(),
            ));
        }
        Ok(now)
    }

    /// Rotates without a transaction in the frequent case that needs none: the current token, from the address and user agent
    /// of the last use, so that nothing but the session is written. `None` in any other case, and when another request was
    /// faster.
    fn rotate_directly(
        &self,
        presented: &PresentedRefreshToken,
        started: Timestamp,
        context: &RequestContext,
    ) -> Result<Option<IssueFor>, StoreError> {
        let found = self
            .store
            .single_read(|repos| repos.sessions().find_with_user(presented.session_id))?;
        let Some((session, user)) = found else {
            return Ok(None);
        };
        let is_plain = self.issuer.refresh_tokens.is_authentic(presented, &session)
            && user.is_active()
            && !has_moved(&session, context);
        let rotation = |now| {
            let context = RequestContext {
                now,
                ..context.clone()
            };
            match decide(&session, presented.generation, &context, self.issuer.policy) {
                Decision::Rotate { from, to } if is_plain => Some((from, to)),
                _ => None,
            }
        };
        if rotation(self.time_since(started)?).is_none() {
            return Ok(None);
        }
        self.store.single_write(|repos| {
            // Decided and dated again: this may have waited for other writers, or run before on a connection that was lost.
            let now = self.time_since(started)?;
            let Some((from, to)) = rotation(now) else {
                return Ok(None);
            };
            let user_agent = context.user_agent.as_deref();
            if !repos
                .sessions()
                .rotate(session.id, from, now, context.ip, user_agent)?
            {
                return Ok(None);
            }
            self.time_since(started)?;
            let rotated = rotated(session.clone(), to, now, context);
            Ok(Some(Box::new((user.clone(), rotated, now))))
        })
    }

    /// Decides once and applies the decision; `None` when another request was faster, so that it has to be decided again.
    fn decide_once(
        &self,
        repos: &mut dyn Repositories,
        presented: &PresentedRefreshToken,
        started: Timestamp,
        context: &RequestContext,
    ) -> Result<Option<Outcome<IssueFor, RefreshError>>, StoreError> {
        let Some((session, user)) = repos.sessions().find_with_user(presented.session_id)? else {
            return Ok(Some(Outcome::Refused(RefreshError::InvalidRefreshToken)));
        };
        if !self.issuer.refresh_tokens.is_authentic(presented, &session) {
            return Ok(Some(Outcome::Refused(RefreshError::InvalidRefreshToken)));
        }
        let context = &RequestContext {
            now: self.time_since(started)?,
            ..context.clone()
        };
        match decide(&session, presented.generation, context, self.issuer.policy) {
            Decision::Refuse(refusal) => self.refuse(repos, &session, refusal.as_str(), context).map(Some),
            Decision::Replay(cause) => self
                .end_replayed(repos, &session, presented.generation, cause, context)
                .map(Some),
            // Roles and status come from the store, never from an old token.
            _ if !user.is_active() => self.refuse(repos, &session, INACTIVE, context).map(Some),
            Decision::Repeat { .. } => Ok(Some(Outcome::Done(Box::new((user, session, context.now))))),
            Decision::RepeatFromElsewhere { differs, .. } => {
                self.repeat_from_elsewhere(repos, user, session, (presented.generation, differs), context)
            }
            Decision::Rotate { from, to } => {
                let rotated = self.rotate(repos, user, session, (from, to), context)?;
                self.time_since(started)?;
                Ok(rotated)
            }
        }
    }

    /// Records the refusal of an authentic token in the audit log.
    fn refuse(
        &self,
        repos: &mut dyn Repositories,
        session: &Session,
        reason: &str,
        context: &RequestContext,
    ) -> Result<Outcome<IssueFor, RefreshError>, StoreError> {
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
    ) -> Result<Option<Outcome<IssueFor, RefreshError>>, StoreError> {
        let (now, ip, user_agent) = (context.now, context.ip, context.user_agent.as_deref());
        if !repos.sessions().rotate(session.id, from, now, ip, user_agent)? {
            return Ok(None);
        }
        if has_moved(&session, context) {
            // Only a refresh from another address or user agent is recorded.
            let event = self.event(
                EventKind::SessionRefreshed,
                EventOutcome::Success,
                &session,
                context,
            );
            repos.events().append(&event)?;
        }
        let rotated = rotated(session, to, now, context);
        Ok(Some(Outcome::Done(Box::new((user, rotated, now)))))
    }

    /// Counts and records a repeat. Ends the session if others were counted meanwhile, so that it is one too many.
    fn repeat_from_elsewhere(
        &self,
        repos: &mut dyn Repositories,
        user: User,
        session: Session,
        (presented, differs): (Generation, Difference),
        context: &RequestContext,
    ) -> Result<Option<Outcome<IssueFor, RefreshError>>, StoreError> {
        let Some(count) = repos.sessions().count_repeat(session.id, session.generation)? else {
            return Ok(None);
        };
        if count > self.issuer.policy.max_repeats {
            let cause = ReplayCause::TooManyRepeats;
            return self
                .end_replayed(repos, &session, presented, cause, context)
                .map(Some);
        }
        let event = self
            .event(
                EventKind::SessionRepeated,
                EventOutcome::Success,
                &session,
                context,
            )
            .with("differs", differs.as_str())
            .with("generation", session.generation.get().to_string())
            .with("repeat", count.to_string());
        repos.events().append(&event)?;
        Ok(Some(Outcome::Done(Box::new((user, session, context.now)))))
    }

    fn end_replayed(
        &self,
        repos: &mut dyn Repositories,
        session: &Session,
        presented: Generation,
        cause: ReplayCause,
        context: &RequestContext,
    ) -> Result<Outcome<IssueFor, RefreshError>, StoreError> {
        let mut event = self
            .event(
                EventKind::SessionReplayed,
                EventOutcome::Failure,
                session,
                context,
            )
            .with("presented_generation", presented.get().to_string())
            .with("current_generation", session.generation.get().to_string());
        if let Some(reason) = cause.reason() {
            event = event.with("reason", reason);
        }
        repos
            .revocations()
            .end_session(session.id, EndReason::Replayed, &event)?;
        Ok(Outcome::Refused(RefreshError::InvalidRefreshToken))
    }
}

/// The user and session to issue tokens for, and the time of issue.
type IssueFor = Box<(User, Session, Timestamp)>;

/// Whether the request comes from another address or user agent than the last use of the session.
fn has_moved(session: &Session, context: &RequestContext) -> bool {
    session.ip != context.ip || session.user_agent != context.user_agent
}

/// The session after its rotation.
fn rotated(session: Session, to: Generation, now: Timestamp, context: &RequestContext) -> Session {
    Session {
        generation: to,
        repeats: 0,
        rotated_at: now,
        last_used_at: now,
        ip: context.ip,
        user_agent: context.user_agent.clone(),
        ..session
    }
}
