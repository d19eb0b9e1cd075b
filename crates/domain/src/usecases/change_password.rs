//! Changing one's password.

use core::time::Duration;

use secrecy::SecretString;

use crate::access::{Granted, ManageOwnAccount};
use crate::audit::{Event, EventKind, EventOutcome, Occasion};
use crate::identity::{Credentials, PasswordDigest, PlainPassword, User};
use crate::ports::{HashError, StoreError, Transactions};
use crate::token::EndReason;
use crate::validation::{Invalid, Violation};

use super::end_sessions::end_all;
use super::password_check::{Admission, Failure, Finding};
use super::{AccountRules, PasswordCheck};

/// Where the new password stands in the request.
const NEW_PASSWORD: &str = "/new_password";

/// Gives the caller another password, for the current one.
pub struct ChangePassword<'a> {
    /// Verifies the current password, and counts guesses.
    pub check: PasswordCheck<'a>,
    /// What the new password is held to.
    pub rules: AccountRules<'a>,
}

/// Why the password is what it was.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The current password is wrong.
    #[error("wrong password")]
    InvalidCredentials,
    /// Too many failed attempts at the account; it can be tried again after this long.
    #[error("too many attempts")]
    TooManyAttempts {
        /// How long to wait; never zero.
        retry_after: Duration,
    },
    /// The new password breaks rules, or is the old one.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The account has been deleted or disabled since the token was issued.
    #[error("the account is gone")]
    Gone,
    /// A password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ChangePassword<'_> {
    /// Changes the password and ends every other session of the caller.
    pub fn execute(
        &self,
        caller: &Granted<ManageOwnAccount>,
        current: &SecretString,
        new: &SecretString,
        occasion: &Occasion,
    ) -> Result<(), ChangePasswordError> {
        let (current, new) = (PlainPassword::new(current), PlainPassword::new(new));
        let credentials = match self.check.admit_user(caller.principal().user_id(), occasion)? {
            Admission::Refused(retry_after) => {
                return Err(ChangePasswordError::TooManyAttempts { retry_after });
            }
            Admission::Admitted(credentials) => credentials
                .filter(|found| found.user.is_active())
                .ok_or(ChangePasswordError::Gone)?,
        };
        let credentials = match self.check.verify(Some(credentials), &current)? {
            Finding::Correct { credentials, .. } => credentials,
            Finding::Wrong(failure) => {
                self.check
                    .remember_failure(EventKind::PasswordChanged, &failure, occasion)?;
                return Err(ChangePasswordError::InvalidCredentials);
            }
        };
        // Whatever becomes of the new password, the current one was right.
        self.check.store.transaction(|repos| -> Result<(), StoreError> {
            self.check.forgive(repos, credentials.user.email.canonical())
        })?;
        self.check_new(&credentials.user, &current, &new)?;
        let digest = self.rules.hasher.hash(&new, self.rules.entropy)?;
        let written = self.write(caller, &credentials, &digest, occasion);
        if let Err(ChangePasswordError::InvalidCredentials) = written {
            let failure = Failure::overtaken(credentials.user.id);
            self.check
                .remember_failure(EventKind::PasswordChanged, &failure, occasion)?;
        }
        written
    }

    fn check_new(&self, user: &User, current: &PlainPassword, new: &PlainPassword) -> Result<(), Invalid> {
        if new.expose() == current.expose() {
            return Err(Violation::new(NEW_PASSWORD, "unchanged", "the new password is the old one").into());
        }
        self.rules
            .password_policy
            .check(new, Some(&user.email), user.name.as_ref(), self.rules.estimator)
            .map_err(|weakness| weakness.at(NEW_PASSWORD).into())
    }

    fn write(
        &self,
        caller: &Granted<ManageOwnAccount>,
        verified: &Credentials,
        digest: &PasswordDigest,
        occasion: &Occasion,
    ) -> Result<(), ChangePasswordError> {
        let (id, version) = (verified.user.id, verified.password_version);
        let session = caller.principal().session_id();
        let event = |kind| {
            Event::new(kind, EventOutcome::Success, occasion, self.check.entropy)
                .of(id)
                .in_session(session)
        };
        self.check.store.transaction(|repos| {
            // Locked, so that a login with the old password sees the new version, or its session is ended here.
            repos
                .users()
                .lock(id)?
                .filter(User::is_active)
                .ok_or(ChangePasswordError::Gone)?;
            if !repos.users().set_digest(id, digest, version, version.next())? {
                // Changed meanwhile: what was verified is not the current password any more.
                return Err(ChangePasswordError::InvalidCredentials);
            }
            repos.events().append(&event(EventKind::PasswordChanged))?;
            let ended = event(EventKind::SessionEnded);
            Ok(end_all(
                repos,
                id,
                Some(session),
                EndReason::PasswordChanged,
                ended,
                occasion,
            )?)
        })
    }
}
