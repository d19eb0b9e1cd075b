//! Logging in.

use core::time::Duration;

use secrecy::SecretString;

use doorward_domain::account::{Credentials, Email, PasswordDigest, User};
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::id::SessionId;
use doorward_domain::password::HashError;
use doorward_domain::password::PlainPassword;
use doorward_domain::session::{EndReason, Generation, Session, SessionKey};
use doorward_domain::store::{Repositories, Transactions};
use doorward_domain::store_error::StoreError;
use doorward_domain::token::SigningError;

use crate::attempt::password_check::{Failure, Finding, VerifiedAttempt};
use crate::session::revoke::end_sessions;
use crate::{CountedAttempt, PasswordAttempt, PasswordCheck, TokenIssuer, TokenPair};

/// Opens a session for whoever knows the password, in the phases of a [guess](CountedAttempt).
pub struct Login<'a> {
    /// Verifies the password, and counts guesses.
    pub check: PasswordCheck<'a>,
    /// Makes the tokens.
    pub issuer: TokenIssuer<'a>,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The password is wrong, or the account unknown or disabled. Which it is, is not told.
    #[error("wrong e-mail address or password")]
    InvalidCredentials,
    /// Too many failed attempts at the account; it can be tried again after this long.
    #[error("too many attempts")]
    TooManyAttempts {
        /// How long to wait; never zero.
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

/// A login whose password was looked at.
pub struct VerifiedLogin {
    finding: Finding,
    /// The digest made again, where it was outdated.
    renewed: Option<PasswordDigest>,
}

impl Login<'_> {
    /// Opens a session for the account with this address, both as typed: all phases in a row.
    pub fn execute(
        &self,
        email: &str,
        password: &SecretString,
        context: &RequestContext,
    ) -> Result<TokenPair, LoginError> {
        let guess = self.check.count(self.begin(email, context)?, context)?;
        let verified = self.verify(guess, password)?;
        self.complete(verified, context)
    }

    /// Looks whether the account with this address, as typed, may be tried. The guess is then to be
    /// [counted](PasswordCheck::count).
    pub fn begin(&self, email: &str, context: &RequestContext) -> Result<PasswordAttempt, LoginError> {
        match Email::parse(email) {
            Ok(email) => Ok(self.check.look(email.canonical(), None, context)?),
            Err(_) => Ok(PasswordAttempt::at_nobody()),
        }
    }

    /// Looks at the password. Hashes, and asks no store.
    pub fn verify(&self, guess: CountedAttempt, password: &SecretString) -> Result<VerifiedLogin, HashError> {
        let password = PlainPassword::new(password);
        let finding = self.check.verify(guess, &password)?;
        let renewed = match &finding {
            Ok(right) if right.outdated => Some(self.check.hasher.hash(&password, self.check.entropy)?),
            _ => None,
        };
        Ok(VerifiedLogin { finding, renewed })
    }

    /// Opens the session, or remembers the failure.
    pub fn complete(&self, login: VerifiedLogin, context: &RequestContext) -> Result<TokenPair, LoginError> {
        let VerifiedLogin { finding, renewed } = login;
        let right = match finding {
            Ok(right) => right,
            Err(failure) => return self.refuse(&failure, context),
        };
        let session = self.new_session(&right.credentials, context);
        match self.open(&right, renewed.as_ref(), &session, context)? {
            Some(user) => Ok(self.issuer.issue(user, &session, context.now)?),
            None => self.refuse(&Failure::overtaken(right.credentials.user.id), context),
        }
    }

    fn refuse(&self, failure: &Failure, context: &RequestContext) -> Result<TokenPair, LoginError> {
        self.check
            .remember_failure(EventKind::LoginFailed, failure, context)?;
        Err(LoginError::InvalidCredentials)
    }

    fn new_session(&self, credentials: &Credentials, context: &RequestContext) -> Session {
        let now = context.now;
        Session {
            id: SessionId::generate(now, self.check.entropy),
            user_id: credentials.user.id,
            key: SessionKey::generate(self.check.entropy),
            generation: Generation::FIRST,
            rotated_at: now,
            created_at: now,
            last_used_at: now,
            expires_at: now + self.issuer.policy.refresh_ttl,
            ended: None,
            ip: context.ip,
            user_agent: context.user_agent.clone(),
        }
    }

    /// Keeps the session, if the account is still what it was when the password was verified. Answers the account as it
    /// is now; `None` when it was deleted, disabled or given another password meanwhile.
    fn open(
        &self,
        right: &VerifiedAttempt,
        renewed: Option<&PasswordDigest>,
        session: &Session,
        context: &RequestContext,
    ) -> Result<Option<User>, StoreError> {
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
            // Locked, so that whoever disables the user or changes the password sees this session, or is seen here.
            let Some(user) = repos.users().lock(id)?.filter(User::is_active) else {
                return Ok(None);
            };
            if repos.users().password_version(id)? != Some(version) {
                return Ok(None);
            }
            if let Some(digest) = renewed {
                repos.users().set_digest(id, digest, version, version)?;
            }
            right.forgive(repos)?;
            right.note_login(repos, context)?;
            repos.sessions().insert(session)?;
            repos.events().append(&event)?;
            self.end_surplus(repos, session, context)?;
            Ok(Some(user))
        })
    }

    /// Ends the least recently used sessions of a user who has more than are kept.
    fn end_surplus(
        &self,
        repos: &mut dyn Repositories,
        session: &Session,
        context: &RequestContext,
    ) -> Result<(), StoreError> {
        let keep = self.issuer.policy.max_sessions;
        let surplus = repos.sessions().surplus(session.user_id, context.now, keep)?;
        for ended in end_sessions(repos, surplus, EndReason::Superseded, context.now)? {
            let event = Event::new(
                EventKind::SessionEnded,
                EventOutcome::Success,
                context,
                self.check.entropy,
            )
            .of(session.user_id)
            .in_session(ended)
            .with("reason", EndReason::Superseded.as_str());
            repos.events().append(&event)?;
        }
        Ok(())
    }
}
