//! Deleting one's own account.

use core::time::Duration;

use secrecy::SecretString;

use crate::access::{Granted, ManageOwnAccount};
use crate::audit::{Event, EventKind, EventOutcome, Occasion};
use crate::identity::{PlainPassword, User};
use crate::ports::{HashError, StoreError, Transactions};

use super::PasswordCheck;
use super::password_check::{Admission, Failure, Finding};
use super::revoke::revoke_all_versions;
use super::update_user::{is_last_admin, remember_last_admin};

/// Deletes the caller's account with its sessions, for the password.
pub struct DeleteAccount<'a> {
    /// Verifies the password, and counts guesses.
    pub check: PasswordCheck<'a>,
}

/// Why the account is still there.
#[derive(Debug, thiserror::Error)]
pub enum DeleteAccountError {
    /// The password is wrong.
    #[error("wrong password")]
    InvalidCredentials,
    /// Too many failed attempts at the account; it can be tried again after this long.
    #[error("too many attempts")]
    TooManyAttempts {
        /// How long to wait; never zero.
        retry_after: Duration,
    },
    /// It would leave no active administrator.
    #[error("this is the last active administrator")]
    LastAdmin,
    /// The account has been deleted or disabled since the token was issued.
    #[error("the account is gone")]
    Gone,
    /// The password could not be verified.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DeleteAccount<'_> {
    /// Deletes it. The audit log goes on telling of it, by its id.
    pub fn execute(
        &self,
        caller: &Granted<ManageOwnAccount>,
        password: &SecretString,
        occasion: &Occasion,
    ) -> Result<(), DeleteAccountError> {
        let id = caller.principal().user_id();
        let credentials = match self.check.admit_user(id, occasion)? {
            Admission::Refused(retry_after) => {
                return Err(DeleteAccountError::TooManyAttempts { retry_after });
            }
            Admission::Admitted(credentials) => credentials
                .filter(|found| found.user.is_active())
                .ok_or(DeleteAccountError::Gone)?,
        };
        let verified = match self
            .check
            .verify(Some(credentials), &PlainPassword::new(password))?
        {
            Finding::Correct { credentials, .. } => credentials,
            Finding::Wrong(failure) => {
                self.check
                    .remember_failure(EventKind::UserDeleted, &failure, occasion)?;
                return Err(DeleteAccountError::InvalidCredentials);
            }
        };
        let event = Event::new(
            EventKind::UserDeleted,
            EventOutcome::Success,
            occasion,
            self.check.entropy,
        )
        .of(id)
        .by(id);
        let deleted = self
            .check
            .store
            .transaction(|repos| -> Result<bool, DeleteAccountError> {
                let user = repos
                    .users()
                    .lock(id)?
                    .filter(User::is_active)
                    .ok_or(DeleteAccountError::Gone)?;
                // After the user is locked, as in a login: one order keeps the two from waiting for each other.
                self.check.forgive(repos, user.email.canonical())?;
                if repos.users().password_version(id)? != Some(verified.password_version) {
                    return Err(DeleteAccountError::InvalidCredentials);
                }
                if user.is_active_admin() && is_last_admin(repos)? {
                    // The password was right: that is kept, although the account stays.
                    let refused = Event {
                        outcome: EventOutcome::Failure,
                        ..event.clone()
                    };
                    remember_last_admin(repos, refused)?;
                    return Ok(false);
                }
                repos.users().delete(id)?;
                repos.events().append(&event)?;
                revoke_all_versions(repos, &user, occasion.now)?;
                Ok(true)
            });
        if let Err(DeleteAccountError::InvalidCredentials) = deleted {
            let failure = Failure::overtaken(id);
            self.check
                .remember_failure(EventKind::UserDeleted, &failure, occasion)?;
        }
        if deleted? {
            Ok(())
        } else {
            Err(DeleteAccountError::LastAdmin)
        }
    }
}
