//! Login.

use core::time::Duration;

use secrecy::SecretString;

use doorward_domain::account::{Credentials, Email, PasswordDigest, User};
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::id::SessionId;
use doorward_domain::outcome::Outcome;
use doorward_domain::password::HashError;
use doorward_domain::password::PlainPassword;
use doorward_domain::session::{Authentication, EndReason, Generation, Session, SessionKey, SessionKind};
use doorward_domain::store::{Repositories, Transactions};
use doorward_domain::store_error::StoreError;
use doorward_domain::token::SigningError;

use crate::attempt::protocol::from_attempt_error;
use crate::attempt::verified::{AttemptResult, FailedAttempt, VerifiedAttempt};
use crate::{
    CountedAttempt, PasswordAttempt, PasswordCheck, PendingAttempt, TokenIssuer, TokenPair, UseCases,
};

/// Verifies a password and opens a session.
pub struct Login {
    /// The address of the account, as typed.
    pub email: String,
    /// The password, as typed.
    pub password: SecretString,
}

/// Why no session was opened.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The password is wrong, or the account unknown or disabled: the client cannot tell which.
    #[error("wrong e-mail address or password")]
    InvalidCredentials,
    /// Too many failed attempts on the account.
    #[error("too many attempts")]
    TooManyAttempts {
        /// The time until the next attempt is allowed; never zero.
        retry_after: Duration,
    },
    /// The password could not be verified.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The tokens could not be signed.
    #[error(transparent)]
    Sign(#[from] SigningError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

from_attempt_error!(LoginError);

/// A login after verification of the password.
pub struct VerifiedLogin {
    result: AttemptResult,
    /// The new digest, if the stored one was outdated.
    renewed: Option<PasswordDigest>,
}

impl PasswordAttempt for Login {
    type Verified = VerifiedLogin;
    type Output = TokenPair;
    type Error = LoginError;

    fn look(&self, use_cases: UseCases<'_>, context: &RequestContext) -> Result<PendingAttempt, LoginError> {
        match Email::parse(&self.email) {
            Ok(email) => Ok(use_cases
                .password_check()
                .look(email.canonical(), None, context)?),
            Err(_) => Ok(PendingAttempt::at_no_account()),
        }
    }

    fn verify(&self, use_cases: UseCases<'_>, attempt: CountedAttempt) -> Result<VerifiedLogin, HashError> {
        let password = PlainPassword::new(&self.password);
        let result = use_cases.password_check().verify(attempt, &password)?;
        let renewed = match &result {
            Ok(right) if right.outdated => Some(use_cases.hasher.hash(&password, use_cases.entropy)?),
            _ => None,
        };
        Ok(VerifiedLogin { result, renewed })
    }

    fn complete(
        &self,
        use_cases: UseCases<'_>,
        verified: VerifiedLogin,
        context: &RequestContext,
    ) -> Result<TokenPair, LoginError> {
        let opening = Opening {
            check: use_cases.password_check(),
            issuer: use_cases.token_issuer(),
        };
        opening.complete(verified, context)
    }
}

/// The dependencies of the last phase.
struct Opening<'a> {
    check: PasswordCheck<'a>,
    issuer: TokenIssuer<'a>,
}

impl Opening<'_> {
    /// Opens the session, or records the failure.
    fn complete(&self, login: VerifiedLogin, context: &RequestContext) -> Result<TokenPair, LoginError> {
        let VerifiedLogin { result, renewed } = login;
        let right = match result {
            Ok(right) => right,
            Err(failure) => return self.refuse(&failure, context),
        };
        let session = self.new_session(&right.credentials, context);
        match self.open(&right, renewed.as_ref(), &session, context)? {
            Outcome::Done(user) => Ok(self.issuer.issue(user, &session, context.now)?),
            Outcome::Refused(failure) => self.refuse(&failure, context),
        }
    }

    fn refuse(&self, failure: &FailedAttempt, context: &RequestContext) -> Result<TokenPair, LoginError> {
        self.check
            .record_failure(EventKind::LoginFailed, failure, context)?;
        Err(LoginError::InvalidCredentials)
    }

    fn new_session(&self, credentials: &Credentials, context: &RequestContext) -> Session {
        let now = context.now;
        Session {
            id: SessionId::generate(now, self.check.entropy),
            user_id: credentials.user.id,
            kind: SessionKind::Direct,
            authentication: Authentication::by_password(now),
            key: SessionKey::generate(self.check.entropy),
            generation: Generation::FIRST,
            repeats: 0,
            rotated_at: now,
            created_at: now,
            last_used_at: now,
            expires_at: now + self.issuer.policy.refresh_ttl,
            ended: None,
            ip: context.ip,
            user_agent: context.user_agent.clone(),
        }
    }

    /// Stores the session, and returns the current account. Refused if the account was deleted or disabled, or its password
    /// changed, since the password was verified.
    fn open(
        &self,
        right: &VerifiedAttempt,
        renewed: Option<&PasswordDigest>,
        session: &Session,
        context: &RequestContext,
    ) -> Result<Outcome<User, FailedAttempt>, StoreError> {
        let id = right.credentials.user.id;
        let version = right.credentials.password_version;
        let event = Event::new(
            EventKind::LoginSucceeded,
            EventOutcome::Success,
            context,
            self.check.entropy,
        )
        .of(id)
        .in_session(session.id);
        self.check.store.transaction(|repos| {
            let Some(user) = lock_current(repos, &right.credentials)? else {
                return Ok(Outcome::Refused(FailedAttempt::overtaken(id)));
            };
            if let Some(digest) = renewed {
                repos.users().set_digest(id, digest, version, version)?;
            }
            right.reset_count(repos)?;
            right.note_login(repos, context)?;
            repos.sessions().insert(session)?;
            repos.events().append(&event)?;
            self.end_surplus(repos, session, context)?;
            Ok(Outcome::Done(user))
        })
    }

    /// Ends the least recently used sessions above the maximum.
    fn end_surplus(
        &self,
        repos: &mut dyn Repositories,
        session: &Session,
        context: &RequestContext,
    ) -> Result<(), StoreError> {
        let keep = self.issuer.policy.max_sessions;
        let surplus = repos.sessions().surplus(session.user_id, context.now, keep)?;
        for surplus in surplus {
            let event = Event::new(
                EventKind::SessionEnded,
                EventOutcome::Success,
                context,
                self.check.entropy,
            )
            .of(session.user_id)
            .in_session(surplus)
            .with("reason", EndReason::Superseded.as_str());
            repos
                .revocations()
                .end_session(surplus, EndReason::Superseded, &event)?;
        }
        Ok(())
    }
}

/// Locks the account, and returns it as it is now. `None` if it was deleted or disabled, or its password changed, since it was
/// read.
///
/// It is locked so that a transaction that disables the user or changes the password sees the new session, or is seen here.
fn lock_current(repos: &mut dyn Repositories, known: &Credentials) -> Result<Option<User>, StoreError> {
    if repos.users().lock_unchanged(known)? {
        return Ok(Some(known.user.clone()).filter(User::is_active));
    }
    let user = repos.users().lock(known.user.id)?;
    let version = repos.users().password_version(known.user.id)?;
    Ok(user.filter(|user| user.is_active() && version == Some(known.password_version)))
}
