//! Logging in.

use core::time::Duration;

use secrecy::SecretString;

use crate::audit::{Event, EventKind, EventOutcome, Occasion};
use crate::id::SessionId;
use crate::identity::{Credentials, Email, PlainPassword, User};
use crate::ports::{HashError, Repositories, SigningError, StoreError, Transactions};
use crate::token::{EndReason, Generation, Session, SessionKey};

use super::password_check::{Admission, Failure, Finding};
use super::revoke::end_sessions;
use super::{PasswordCheck, TokenIssuer, TokenPair};

/// Opens a session for whoever knows the password.
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

impl Login<'_> {
    /// Opens a session for the account with this address, both as typed.
    pub fn execute(
        &self,
        email: &str,
        password: &SecretString,
        occasion: &Occasion,
    ) -> Result<TokenPair, LoginError> {
        let password = PlainPassword::new(password);
        let finding = match Email::parse(email) {
            Ok(email) => match self.check.admit(email.canonical(), occasion)? {
                Admission::Admitted(credentials) => self.check.verify(credentials, &password)?,
                Admission::Refused(retry_after) => return Err(LoginError::TooManyAttempts { retry_after }),
            },
            Err(_) => self.check.verify_nothing(&password)?,
        };
        match finding {
            Finding::Wrong(failure) => self.refuse(&failure, occasion),
            Finding::Correct {
                credentials,
                outdated,
            } => {
                let renewed = if outdated {
                    Some(self.check.hasher.hash(&password, self.check.entropy)?)
                } else {
                    None
                };
                let session = self.new_session(&credentials, occasion);
                let Some(user) = self.open(&credentials, renewed.as_ref(), &session, occasion)? else {
                    return self.refuse(&Failure::overtaken(credentials.user.id), occasion);
                };
                Ok(self.issuer.issue(user, &session, occasion.now)?)
            }
        }
    }

    fn refuse(&self, failure: &Failure, occasion: &Occasion) -> Result<TokenPair, LoginError> {
        self.check
            .remember_failure(EventKind::LoginFailed, failure, occasion)?;
        Err(LoginError::InvalidCredentials)
    }

    fn new_session(&self, credentials: &Credentials, occasion: &Occasion) -> Session {
        let now = occasion.now;
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
            ip: occasion.ip,
            user_agent: occasion.user_agent.clone(),
        }
    }

    /// Keeps the session, if the account is still what it was when the password was verified. Answers the account as it
    /// is now; `None` when it was deleted, disabled or given another password meanwhile.
    fn open(
        &self,
        verified: &Credentials,
        renewed: Option<&crate::identity::PasswordDigest>,
        session: &Session,
        occasion: &Occasion,
    ) -> Result<Option<User>, StoreError> {
        let id = verified.user.id;
        let version = verified.password_version;
        let event = Event::new(
            EventKind::LoginSucceeded,
            EventOutcome::Success,
            occasion,
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
            self.check.forgive(repos, user.email.canonical())?;
            repos.sessions().insert(session)?;
            repos.events().append(&event)?;
            self.end_surplus(repos, session, occasion)?;
            Ok(Some(user))
        })
    }

    /// Ends the least recently used sessions of a user who has more than are kept.
    fn end_surplus(
        &self,
        repos: &mut dyn Repositories,
        session: &Session,
        occasion: &Occasion,
    ) -> Result<(), StoreError> {
        let keep = self.issuer.policy.max_sessions;
        let surplus = repos.sessions().surplus(session.user_id, occasion.now, keep)?;
        for ended in end_sessions(repos, surplus, EndReason::Superseded, occasion.now)? {
            let event = Event::new(
                EventKind::SessionEnded,
                EventOutcome::Success,
                occasion,
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
